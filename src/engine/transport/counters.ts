/** Everything the transports count. Names are stable: the page and the tests read them. */
export const counterNames = [
  'messagesReceived',
  'messagesSent',
  'bytesReceived',
  'bytesSent',
  'keepAlives',
  'malformedRequests',
  'malformedResponses',
  'malformedAnswered',
  'oversizedMessages',
  'forgedPeerNames',
  'multicastRequests',
  'userFailures',
  'connectionsAccepted',
  'connectionsOpened',
  'connectionsClosed',
  'connectionsRefused',
  'connectFailures',
  'tlsHandshakeFailures',
  'clientCertificatesVerified',
  'clientCertificatesRefused',
  'halfMessageTimeouts',
  'malformedFrames',
  'pongTimeouts',
  'silentPeers',
  'largeRequestsOverTcp',
  'stunRequests',
  'handshakesRefused',
  'idleTimeouts',
  'slowPeers',
  'sendFailures',
  'udpRefused',
] as const

export type CounterName = (typeof counterNames)[number]

/** One number per name; parts count up in place. */
export type Counters = Record<CounterName, number>

/** Starts all counters at zero. */
export function createCounters(): Counters {
  return Object.fromEntries(counterNames.map((name) => [name, 0])) as Counters
}
