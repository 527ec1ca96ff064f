import type { Random } from '#src/base/random.ts'
import type { NaptrRecord, SrvRecord } from '../dns/dns-port.ts'
import type { TransportProtocol } from './transport-port.ts'

/** RFC 3263 4.1, RFC 7118 8.3 (`D2W`). */
const protocolOfService: ReadonlyMap<string, TransportProtocol> = new Map([
  ['SIP+D2U', 'udp'],
  ['SIP+D2T', 'tcp'],
  ['SIPS+D2T', 'tls'],
  ['SIP+D2W', 'ws'],
  ['SIPS+D2W', 'wss'],
])

/** One way that a domain offers to be reached. */
export interface Service {
  protocol: TransportProtocol
  /** What is asked next: SRV for `name`, or its addresses. */
  next: 'srv' | 'addresses'
  name: string
}

/**
 * The services of a domain that we can use, in the order to try: by order, then by preference. Of the orders only the
 * lowest that holds anything for us counts (RFC 3403 4.1); records with rules of rewriting (`u`, regexp) are not SIP's.
 */
export function chooseServices(
  records: readonly NaptrRecord[],
  usable: (protocol: TransportProtocol) => boolean,
): Service[] {
  const fitting = records.flatMap((record) => {
    const protocol = protocolOfService.get(record.service.toUpperCase())
    const flag = record.flags.toLowerCase()
    const name = record.replacement.toLowerCase().replace(/\.$/, '')
    if (!protocol || !usable(protocol) || name === '' || (flag !== 's' && flag !== 'a')) return []
    const service: Service = { protocol, next: flag === 's' ? 'srv' : 'addresses', name }
    return [{ record, service }]
  })
  const order = Math.min(...fitting.map(({ record }) => record.order))
  return fitting
    .filter(({ record }) => record.order === order)
    .sort((first, second) => first.record.preference - second.record.preference)
    .map(({ service }) => service)
}

/** Orders SRV records by priority, and within one priority by weighted chance (RFC 2782). */
export function orderSrv(records: readonly SrvRecord[], random: Random | undefined): SrvRecord[] {
  const rest = [...records].sort((first, second) => first.priority - second.priority)
  if (!random) return rest
  const ordered: SrvRecord[] = []
  while (rest.length > 0) {
    const priority = (rest[0] as SrvRecord).priority
    const group = rest.filter((record) => record.priority === priority)
    rest.splice(0, group.length)
    while (group.length > 0) {
      const total = group.reduce((sum, record) => sum + record.weight, 0)
      let ticket = (random.bytes(4).readUInt32BE() / 2 ** 32) * total
      let index = group.findIndex((record) => (ticket -= record.weight) < 0)
      if (index < 0) index = 0
      ordered.push(...group.splice(index, 1))
    }
  }
  return ordered
}
