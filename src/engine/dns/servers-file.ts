import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

/** resolv.conf(5): without a server it is the machine itself. */
const ownMachine = ['127.0.0.1']

/**
 * The DNS servers that a resolv.conf lists now. Node reads it once: a box that started before DHCP had answered, or
 * whose network was changed since, would ask the wrong ones until its next start.
 */
export async function readServersFile(path: string): Promise<readonly string[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch {
    return ownMachine
  }
  const servers = text.split('\n').flatMap((line) => {
    const address = /^nameserver[ \t]+(\S+)/.exec(line)?.[1]
    return address === undefined || isIP(address) === 0 ? [] : [address]
  })
  return servers.length > 0 ? servers : ownMachine
}
