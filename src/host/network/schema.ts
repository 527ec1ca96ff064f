import { Type } from 'typebox'

const onInterface = {
  interface: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$',
      description: 'For example eth0; left out: the only one',
    }),
  ),
  vlan: Type.Optional(Type.Integer({ minimum: 1, maximum: 4094, description: 'IEEE 802.1Q tag' })),
}
const ipv4 = Type.String({ pattern: '^\\d{1,3}(\\.\\d{1,3}){3}$' })
const closed = { additionalProperties: false }

/** What goes over the wire and into the file; whether it can work is checked by `configuration`. */
export const networkConfiguration = Type.Union([
  Type.Object({ mode: Type.Literal('dhcp'), ...onInterface }, closed),
  Type.Object(
    {
      mode: Type.Literal('static'),
      ...onInterface,
      address: ipv4,
      prefixLength: Type.Integer({ minimum: 1, maximum: 30 }),
      gateway: Type.Union([ipv4, Type.Null()]),
      dns: Type.Array(ipv4, { maxItems: 3 }),
    },
    closed,
  ),
])
