import { microsoftAuthorityHost, microsoftGraphUrl } from '#src/microsoft/trunk-facts.ts'
import type { ProbeTargets, SetupOptions } from './options.ts'

const { host: authority } = new URL(microsoftAuthorityHost)

/** What is asked outside of tests: the very hosts that the box needs later. */
const outside: ProbeTargets = {
  dnsName: authority,
  dnsServers: undefined,
  ntpPort: 123,
  dateUrl: `${microsoftAuthorityHost}/`,
  neighbours: '/proc/net/arp',
  identity: { authorityHost: microsoftAuthorityHost, graphUrl: microsoftGraphUrl, caPem: [] },
}

/** The targets in force. */
export function probeTargets(options: SetupOptions | undefined): ProbeTargets {
  return { ...outside, ...options?.probes }
}
