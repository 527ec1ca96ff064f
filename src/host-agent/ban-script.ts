import type { HostBans } from './requests.ts'

/** The table and the sets of systemd/branchline.nft. */
const table = 'inet branchline'

/**
 * The commands that make nftables take over who is shut out, all or none of them. An element is put in, taken out and
 * put in again with its end, because the time of one that is there already cannot be changed.
 */
export function banScript({ flush, ban, lift }: HostBans): string {
  const lines: string[] = []
  if (flush)
    for (const set of ['banned4', 'banned6', 'suspected4', 'suspected6'])
      lines.push(`flush set ${table} ${set}`)
  for (const address of lift) {
    for (const set of ['banned', 'suspected']) lines.push(...remove(`${set}${familyOf(address)}`, address))
  }
  for (const { address, reach, seconds } of ban) {
    const set = `${reach === 'all' ? 'banned' : 'suspected'}${familyOf(address)}`
    lines.push(...remove(set, address), `add element ${table} ${set} { ${address} timeout ${seconds}s }`)
  }
  return lines.join('\n')
}

/** To delete what is not there would be an error, and undo all the rest. */
function remove(set: string, address: string): string[] {
  return [`add element ${table} ${set} { ${address} }`, `delete element ${table} ${set} { ${address} }`]
}

function familyOf(address: string): '4' | '6' {
  return address.includes(':') ? '6' : '4'
}
