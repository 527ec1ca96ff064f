import type { HostNetwork } from './requests.ts'

/** Every file of ours in systemd-networkd's runtime folder begins so; sorted before the image's own 80-branchline. */
export const networkFilePrefix = '60-branchline'

/** Files for systemd-networkd, by name. */
export type NetworkFiles = Map<string, string>

/** Name of the device that a VLAN on a port gets; Linux allows 15 characters. */
function vlanDevice(vlan: number): string {
  return `vlan${vlan}`
}

/**
 * Writes a network as systemd.network(5) and systemd.netdev(5) files. `port` is the device that the cable is in;
 * undefined = every wired one.
 */
export function renderNetworkFiles(network: HostNetwork, port: string | undefined): NetworkFiles {
  const files: NetworkFiles = new Map()
  const match = port === undefined ? ['Type=ether', 'Name=en* eth*'] : [`Name=${port}`]
  if (network.vlan === undefined) {
    files.set(`${networkFilePrefix}.network`, sections({ Match: match, ...addressSections(network) }))
    return files
  }
  const device = vlanDevice(network.vlan)
  files.set(
    `${networkFilePrefix}-port.network`,
    // The port itself carries the tagged frames and has no address of its own.
    sections({ Match: match, Network: [`VLAN=${device}`, 'LinkLocalAddressing=no', 'IPv6AcceptRA=no'] }),
  )
  files.set(
    `${networkFilePrefix}-vlan.netdev`,
    sections({ NetDev: [`Name=${device}`, 'Kind=vlan'], VLAN: [`Id=${network.vlan}`] }),
  )
  files.set(
    `${networkFilePrefix}-vlan.network`,
    sections({ Match: [`Name=${device}`], ...addressSections(network) }),
  )
  return files
}

/** Names of the devices that the files make, on top of the machine's own ports. */
export function devicesIn(files: NetworkFiles): string[] {
  return [...files.values()].flatMap((text) => /^\[NetDev\]\nName=(\S+)$/m.exec(text)?.[1] ?? [])
}

function addressSections({ static: fixed, ntp }: HostNetwork): Record<string, string[]> {
  const common = ['MulticastDNS=yes', 'LLMNR=no', 'IPv6AcceptRA=yes', ...ntp.map((server) => `NTP=${server}`)]
  if (!fixed) {
    const dhcp = ['UseDomains=no', 'UseHostname=no', ...(ntp.length > 0 ? ['UseNTP=no'] : [])]
    return {
      Network: ['DHCP=yes', 'LinkLocalAddressing=yes', ...common],
      DHCPv4: ['ClientIdentifier=mac', ...dhcp],
      DHCPv6: dhcp,
    }
  }
  return {
    Network: [
      `Address=${fixed.address}/${fixed.prefixLength}`,
      ...(fixed.gateway === null ? [] : [`Gateway=${fixed.gateway}`]),
      ...fixed.dns.map((server) => `DNS=${server}`),
      'LinkLocalAddressing=ipv6',
      ...common,
    ],
  }
}

function sections(content: Record<string, string[]>): string {
  const parts = Object.entries(content).map(([name, lines]) => `[${name}]\n${lines.join('\n')}\n`)
  return `# Asked for by Branchline; gone with the next boot.\n${parts.join('\n')}`
}
