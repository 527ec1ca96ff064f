/** RFC 3261 17.1.1.1: the round-trip estimate, the retransmission cap and the life of a message in the network, ms. */
export interface SipTimerBases {
  t1Ms: number
  t2Ms: number
  t4Ms: number
}

/** The values of RFC 3261. */
export const standardTimerBases: SipTimerBases = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 }

/** RFC 3261 table 4, RFC 6026 7.1: every transaction timer by its letter, in ms. */
export interface SipTimers {
  /** INVITE request retransmission, first interval; doubles. Unreliable transports only. */
  aMs: number
  /** INVITE transaction timeout. */
  bMs: number
  /** Proxy INVITE transaction timeout: more than three minutes. */
  cMs: number
  /** Wait for response retransmissions after a non-2xx final response to INVITE. */
  dMs: number
  /** Non-INVITE request retransmission, first interval; doubles up to T2. Unreliable transports only. */
  eMs: number
  /** Non-INVITE transaction timeout. */
  fMs: number
  /** INVITE response retransmission, first interval; doubles up to T2. Unreliable transports only. */
  gMs: number
  /** Wait for the ACK. */
  hMs: number
  /** Wait for ACK retransmissions. */
  iMs: number
  /** Wait for retransmissions of a non-INVITE request. */
  jMs: number
  /** Wait for response retransmissions of a non-INVITE transaction. */
  kMs: number
  /** RFC 6026: how long a server INVITE transaction lives on after a 2xx. */
  lMs: number
  /** RFC 6026: how long a client INVITE transaction lives on after a 2xx. */
  mMs: number
}

/** Works the table out; over a reliable transport the waits for retransmissions are 0. */
export function sipTimers(bases: SipTimerBases, reliable: boolean): SipTimers {
  const timeoutMs = 64 * bases.t1Ms
  return {
    aMs: bases.t1Ms,
    bMs: timeoutMs,
    cMs: 185_000,
    // 17.1.1.2: at least 32 s whatever T1 is, because it mirrors timer H of the far end.
    dMs: reliable ? 0 : Math.max(32_000, timeoutMs),
    eMs: bases.t1Ms,
    fMs: timeoutMs,
    gMs: bases.t1Ms,
    hMs: timeoutMs,
    iMs: reliable ? 0 : bases.t4Ms,
    jMs: reliable ? 0 : timeoutMs,
    kMs: reliable ? 0 : bases.t4Ms,
    lMs: timeoutMs,
    mMs: timeoutMs,
  }
}
