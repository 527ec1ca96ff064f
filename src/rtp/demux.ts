/** What a datagram on a media port is, told by its first bytes (RFC 7983 7, RFC 5761 4). */
export type PacketClass = 'stun' | 'zrtp' | 'dtls' | 'turn' | 'rtp' | 'rtcp' | 'unknown'

/** Tells the class of the first `length` bytes; says nothing about whether they are well formed. */
export function classify(packet: Buffer, length: number): PacketClass {
  if (length < 2) return 'unknown'
  const first = packet[0]!
  if (first >= 128) {
    if (first > 191) return 'unknown'
    // RFC 5761 4: RTP payload types 64 to 95 are given up, so that second bytes 192 to 223 mean RTCP.
    const second = packet[1]!
    return second >= 192 && second <= 223 ? 'rtcp' : 'rtp'
  }
  if (first < 4) return 'stun'
  if (first < 16) return 'unknown'
  if (first < 20) return 'zrtp'
  if (first < 64) return 'dtls'
  return first < 80 ? 'turn' : 'unknown'
}
