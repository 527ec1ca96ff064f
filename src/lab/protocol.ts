import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { TenantEndpoints } from '#src/model/tenant.ts'

/** Every message between the box and its lab process; JSON over the fork's channel. */
const teamsHost = Type.Object({
  name: Type.String(),
  port: Type.Integer(),
  // JSON knows no undefined.
  address: Type.Union([Type.String(), Type.Null()]),
})
const wireEndpoints = Type.Object({
  lab: Type.Boolean(),
  tenantId: Type.String(),
  clientId: Type.String(),
  authorityHost: Type.String(),
  graphUrl: Type.String(),
  caPem: Type.Array(Type.String()),
  trunk: Type.Object({
    hosts: Type.Array(teamsHost),
    sbcFqdn: Type.String(),
    certificatePem: Type.String(),
    keyPem: Type.String(),
    caPem: Type.Array(Type.String()),
    optionsIntervalMs: Type.Number(),
  }),
})
const logLine = Type.Object({
  kind: Type.Literal('log'),
  level: Type.Union([
    Type.Literal('debug'),
    Type.Literal('info'),
    Type.Literal('warn'),
    Type.Literal('error'),
  ]),
  fields: Type.Record(Type.String(), Type.Unknown()),
  text: Type.String(),
})
const fromLab = Type.Union([
  Type.Object({
    kind: Type.Literal('ready'),
    endpoints: wireEndpoints,
    pageUrl: Type.String(),
    ports: Type.Object({ https: Type.Integer(), edge: Type.Integer() }),
  }),
  /** The start failed; the process exits after this. */
  Type.Object({ kind: Type.Literal('failed'), text: Type.String() }),
  logLine,
])
const toLab = Type.Union([
  Type.Object({
    kind: Type.Literal('box'),
    host: Type.String({ minLength: 1 }),
    tlsPort: Type.Integer({ minimum: 1, maximum: 65535 }),
  }),
  /** Stop in order; the process exits after this. */
  Type.Object({ kind: Type.Literal('stop') }),
])

/** From the lab process to the box. */
export type FromLab = Static<typeof fromLab>

/** From the box to the lab process. */
export type ToLab = Static<typeof toLab>

/** Checks a message of the lab process; undefined = not ours. */
export function readFromLab(message: unknown): FromLab | undefined {
  return Value.Check(fromLab, message) ? message : undefined
}

/** Checks a message of the box; undefined = not ours. */
export function readToLab(message: unknown): ToLab | undefined {
  return Value.Check(toLab, message) ? message : undefined
}

/** Endpoints as they travel. */
export function toWire(endpoints: TenantEndpoints): Static<typeof wireEndpoints> {
  const { trunk } = endpoints
  const hosts = trunk.hosts.map((host) => ({ ...host, address: host.address ?? null }))
  return { ...endpoints, trunk: { ...trunk, hosts } }
}

/** Endpoints as the box knows them. */
export function fromWire(endpoints: Static<typeof wireEndpoints>): TenantEndpoints {
  const { trunk } = endpoints
  const hosts = trunk.hosts.map((host) => ({ ...host, address: host.address ?? undefined }))
  return { ...endpoints, trunk: { ...trunk, hosts } }
}
