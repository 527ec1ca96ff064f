import { ApplianceError } from '#src/base/errors.ts'
import type { NetworkConfiguration, NetworkTrial, NetworkView } from '#src/host/network/ports.ts'
import type {
  NetworkConfigurationView,
  NetworkStateView,
  NetworkTrialBody,
  NetworkTrialView,
} from '../schema/network.ts'

/** The network as the page shows it. */
export function viewNetwork({
  supported,
  system,
  configured,
  trial,
  lastFailure,
}: NetworkView): NetworkStateView {
  return {
    supported,
    current: {
      ...system,
      interfaces: system.interfaces.map((item) => ({
        ...item,
        mac: item.mac ?? null,
        link: item.link ?? null,
      })),
    },
    configured: configured ? viewConfiguration(configured) : null,
    trial: trial ? viewTrial(trial) : null,
    lastFailure: lastFailure ?? null,
  }
}

/** A trial as the page shows it. */
export function viewTrial({ state, configuration, secondsLeft }: NetworkTrial): NetworkTrialView {
  return { state, configuration: viewConfiguration(configuration), secondsLeft }
}

function viewConfiguration(configuration: NetworkConfiguration): NetworkConfigurationView {
  const { mode, vlan = null, interface: name = null } = configuration
  const common = { mode, interface: name, vlan }
  if (configuration.mode === 'dhcp')
    return { ...common, address: null, prefixLength: null, gateway: null, dns: [] }
  const { address, prefixLength, gateway, dns } = configuration
  return { ...common, address, prefixLength, gateway, dns: [...dns] }
}

/** What a page sent as a configuration; throws INVALID for what DHCP decides itself, or what static lacks. */
export function readConfiguration(body: NetworkTrialBody): NetworkConfiguration {
  const { mode, vlan, interface: name, address, prefixLength, gateway, dns } = body
  const common = { ...(name ? { interface: name } : {}), ...(vlan ? { vlan } : {}) }
  const refuse = (field: string, text: string): never => {
    throw new ApplianceError('INVALID', { field, in: 'body' }, { text })
  }
  if (mode === 'dhcp') {
    for (const [field, value] of Object.entries({ address, prefixLength, gateway }))
      if (value !== undefined && value !== null)
        refuse(field, `“${field}” comes from DHCP, it cannot be set.`)
    if (dns && dns.length > 0) refuse('dns', '“dns” comes from DHCP, it cannot be set.')
    return { mode, ...common }
  }
  return {
    mode,
    ...common,
    address: address ?? refuse('address', '“address” is missing.'),
    prefixLength: prefixLength ?? refuse('prefixLength', '“prefixLength” is missing.'),
    gateway: gateway ?? null,
    dns: dns ?? [],
  }
}
