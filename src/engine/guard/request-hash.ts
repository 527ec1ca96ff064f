/**
 * A number for a request that is the same for each of its retransmissions and another for the next try of its
 * sender (FNV-1a over Call-ID and CSeq). Seeded at each start, so that nobody can choose one that suits him.
 */
export function hashRequest(seed: number, callId: string, cseq: string): number {
  let hash = seed
  for (let index = 0; index < callId.length; index++) {
    hash = Math.imul(hash ^ callId.charCodeAt(index), 0x0100_0193)
  }
  for (let index = 0; index < cseq.length; index++) {
    hash = Math.imul(hash ^ cseq.charCodeAt(index), 0x0100_0193)
  }
  // The low bits of FNV are poor; fold the high ones in.
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x85eb_ca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
