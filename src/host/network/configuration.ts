import { isIPv4 } from 'node:net'
import { ApplianceError } from '#src/base/errors.ts'
import type { NetworkConfiguration, StaticConfiguration, SystemNetwork } from './ports.ts'

/** What is wrong with one field of a configuration, one sentence. */
export interface NetworkProblem {
  field: 'interface' | 'vlan' | 'address' | 'prefixLength' | 'gateway' | 'dns'
  text: string
}

const toNumber = (address: string): number =>
  address.split('.').reduce((number, part) => number * 256 + Number(part), 0)

/** The first address of the subnet, as a number. */
function networkOf(address: string, prefixLength: number): number {
  const size = 2 ** (32 - prefixLength)
  return Math.floor(toNumber(address) / size) * size
}

/** Blocks from which no host gets an address: RFC 6890 (this network, loopback, link-local), RFC 5771, class E. */
function isUnusable(address: string): boolean {
  const first = toNumber(address) >>> 24
  return first === 0 || first === 127 || first >= 224 || address.startsWith('169.254.')
}

/** The dotted mask of a prefix length. */
export function maskOf(prefixLength: number): string {
  const mask = 2 ** 32 - 2 ** (32 - prefixLength)
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.')
}

/** 24 from `24`, `/24` or `255.255.255.0`; undefined when it is none of them. */
export function parsePrefixLength(text: string): number | undefined {
  const plain = /^\/?(\d{1,2})$/.exec(text)
  if (plain) return Number(plain[1]) <= 32 ? Number(plain[1]) : undefined
  for (let length = 0; length <= 32; length++) if (maskOf(length) === text) return length
  return undefined
}

/** Checks the address itself. */
export function checkAddress(address: string): string | undefined {
  if (!isIPv4(address)) return `${address} is not an IPv4 address such as 192.0.2.10.`
  if (isUnusable(address)) return `${address} is not an address that a host can have.`
  return undefined
}

/** Checks the address against its own subnet. */
export function checkPrefix(address: string, prefixLength: number): string | undefined {
  if (!Number.isInteger(prefixLength) || prefixLength < 1 || prefixLength > 30)
    return 'The prefix length is 1 to 30, for example 24 for the mask 255.255.255.0.'
  const network = networkOf(address, prefixLength)
  if (toNumber(address) === network)
    return `${address} is the name of its network with /${prefixLength}, no host can have it.`
  if (toNumber(address) === network + 2 ** (32 - prefixLength) - 1)
    return `${address} is the broadcast address with /${prefixLength}, no host can have it.`
  return undefined
}

/** Checks that the box can reach the gateway on its own wire. */
export function checkGateway(
  gateway: string,
  { address, prefixLength }: Pick<StaticConfiguration, 'address' | 'prefixLength'>,
): string | undefined {
  const wrong = checkAddress(gateway)
  if (wrong) return wrong
  if (gateway === address) return 'The gateway is another machine than the box itself.'
  if (networkOf(gateway, prefixLength) !== networkOf(address, prefixLength))
    return `The gateway ${gateway} is not in the network of ${address}/${prefixLength}.`
  return checkPrefix(gateway, prefixLength)
}

/** Checks a name server's address. */
export function checkDns(server: string): string | undefined {
  return checkAddress(server)
}

/** Checks an IEEE 802.1Q tag; 0 and 4095 are reserved. */
export function checkVlan(vlan: number): string | undefined {
  if (Number.isInteger(vlan) && vlan >= 1 && vlan <= 4094) return undefined
  return 'The VLAN is 1 to 4094, or none.'
}

/** The first thing that is wrong with a configuration, or undefined. */
export function checkConfiguration(
  configuration: NetworkConfiguration,
  system: SystemNetwork,
): NetworkProblem | undefined {
  const { interface: name, vlan } = configuration
  const problem = (field: NetworkProblem['field'], text: string | undefined): NetworkProblem | undefined =>
    text === undefined ? undefined : { field, text }
  if (name !== undefined && !system.interfaces.some((item) => item.name === name && item.physical))
    return { field: 'interface', text: `This machine has no network port ${name}.` }
  const wrongVlan = vlan === undefined ? undefined : problem('vlan', checkVlan(vlan))
  if (wrongVlan || configuration.mode === 'dhcp') return wrongVlan
  const { address, prefixLength, gateway, dns } = configuration
  return (
    problem('address', checkAddress(address)) ??
    problem(
      Number.isInteger(prefixLength) && prefixLength >= 1 && prefixLength <= 30 ? 'address' : 'prefixLength',
      checkPrefix(address, prefixLength),
    ) ??
    problem('gateway', gateway === null ? undefined : checkGateway(gateway, configuration)) ??
    problem('dns', dns.length > maxDns ? `At most ${maxDns} name servers.` : firstOf(dns.map(checkDns)))
  )
}

/** Name servers that the C library asks (resolv.conf(5), MAXNS). */
export const maxDns = 3

function firstOf(texts: (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined)
}

/** Throws INVALID with the field and a sentence when a configuration cannot work. */
export function refuseUnusable(configuration: NetworkConfiguration, system: SystemNetwork): void {
  const problem = checkConfiguration(configuration, system)
  if (problem)
    throw new ApplianceError('INVALID', { field: problem.field, in: 'body' }, { text: problem.text })
}

/** One line for people: `192.0.2.10/24, gateway 192.0.2.1, DNS 192.0.2.53, VLAN 20, on eth0`. */
export function describeConfiguration(configuration: NetworkConfiguration): string {
  const { interface: name, vlan } = configuration
  const parts =
    configuration.mode === 'dhcp'
      ? ['Address by DHCP']
      : [
          `${configuration.address}/${configuration.prefixLength}`,
          configuration.gateway === null ? 'no gateway' : `gateway ${configuration.gateway}`,
          configuration.dns.length === 0 ? 'no DNS' : `DNS ${configuration.dns.join(' ')}`,
        ]
  if (vlan !== undefined) parts.push(`VLAN ${vlan}`)
  if (name !== undefined) parts.push(`on ${name}`)
  return parts.join(', ')
}
