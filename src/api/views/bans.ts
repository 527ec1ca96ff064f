import type { BannedAddress, BansPort } from '../bans-port.ts'
import type { BanListView, BanView } from '../schema/bans.ts'

const maxShown = 200

/** What each cause says, with how often. */
const sentences: Record<BannedAddress['cause'], (count: number) => string> = {
  flood: (count) => `Sent more than ${count} SIP messages in a burst, far more than one address may.`,
  scanner: (count) => `Searched for telephone systems to abuse: ${count} requests of a known scanner.`,
  nobody: (count) => `Called ${count} times where nobody is, or where it may not.`,
  malformed: (count) => `Sent ${count} messages that are no SIP.`,
  password: (count) => `Gave a wrong password or user name ${count} times.`,
}

/** Who is shut out, in words. */
export function viewBans(bans: BansPort, allowList: readonly string[]): BanListView {
  const all = bans.list()
  const kernel = bans.kernel()
  return {
    bans: all.slice(0, maxShown).map(viewBan),
    total: all.length,
    kernel: typeof kernel === 'string' ? kernel : 'failed',
    kernelFailure: typeof kernel === 'string' ? null : kernel.failure,
    allowList: [...allowList],
  }
}

function viewBan({ sample, ...ban }: BannedAddress): BanView {
  return {
    address: ban.address,
    cause: ban.cause,
    reach: ban.reach,
    why: sentences[ban.cause](ban.count),
    count: ban.count,
    firstSeenAtMs: ban.firstSeenAtMs,
    lastSeenAtMs: ban.lastSeenAtMs,
    sample: sample ?? null,
    sinceAtMs: ban.sinceAtMs,
    untilAtMs: ban.untilAtMs,
    times: ban.times,
    refused: ban.refused,
  }
}
