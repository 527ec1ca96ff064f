import { Type, type Static } from 'typebox'
import { nullable } from './common.ts'

const ipv4 = Type.String({ minLength: 7, maxLength: 15, pattern: '^\\d{1,3}(\\.\\d{1,3}){3}$' })
const interfaceName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$' })
const mode = Type.Union([Type.Literal('dhcp'), Type.Literal('static')])

const fields = {
  mode,
  interface: nullable(interfaceName),
  vlan: nullable(Type.Integer({ minimum: 1, maximum: 4094, description: 'IEEE 802.1Q tag' })),
  address: nullable(ipv4),
  prefixLength: nullable(Type.Integer({ minimum: 1, maximum: 30 })),
  gateway: nullable(ipv4),
  dns: Type.Array(ipv4, { maxItems: 3 }),
}

/** How the box gets its IPv4 address; null = none, and of the interface: the only wired one. */
export const networkConfigurationView = Type.Object(fields)
export type NetworkConfigurationView = Static<typeof networkConfigurationView>

/** The same as a page sends it: what does not apply may be left out. */
export const networkTrialBody = Type.Object(
  {
    mode,
    interface: Type.Optional(fields.interface),
    vlan: Type.Optional(fields.vlan),
    address: Type.Optional(fields.address),
    prefixLength: Type.Optional(fields.prefixLength),
    gateway: Type.Optional(fields.gateway),
    dns: Type.Optional(fields.dns),
  },
  { additionalProperties: false },
)
export type NetworkTrialBody = Static<typeof networkTrialBody>

/** A change that is in force for a while. */
export const networkTrialView = Type.Object({
  state: Type.Union([Type.Literal('applying'), Type.Literal('onTrial'), Type.Literal('rollingBack')]),
  configuration: networkConfigurationView,
  secondsLeft: Type.Integer({
    description: 'Until it is taken back unless it is confirmed; 0 unless onTrial',
  }),
})
export type NetworkTrialView = Static<typeof networkTrialView>

/** The network as it is and as it was set; `configured` is null while nobody has set anything: DHCP. */
export const networkView = Type.Object({
  supported: Type.Boolean({ description: 'False: the operating system of this machine sets its network' }),
  current: Type.Object({
    interfaces: Type.Array(
      Type.Object({
        name: Type.String(),
        mac: nullable(Type.String()),
        link: nullable(Type.Union([Type.Literal('up'), Type.Literal('down')])),
        physical: Type.Boolean(),
        addresses: Type.Array(
          Type.Object({
            address: Type.String(),
            prefixLength: Type.Integer(),
            family: Type.Union([Type.Literal(4), Type.Literal(6)]),
          }),
        ),
      }),
    ),
    gateways: Type.Array(Type.String()),
    dns: Type.Array(Type.String()),
  }),
  configured: nullable(networkConfigurationView),
  trial: nullable(networkTrialView),
  lastFailure: nullable(Type.String({ description: 'Why the last change is not in force' })),
})
export type NetworkStateView = Static<typeof networkView>

/** A trial has begun. */
export const networkTrialStarted = Type.Object({
  trial: networkTrialView,
  confirmToken: Type.String({
    description: 'Confirms without a login: the cookie of the old address does not reach the new one',
  }),
})
export type NetworkTrialStarted = Static<typeof networkTrialStarted>

export const networkConfirmBody = Type.Object(
  { token: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })) },
  { additionalProperties: false },
)
