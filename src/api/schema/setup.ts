import { Type, type Static } from 'typebox'
import { moment, nullable } from './common.ts'

/** The steps of the setup wizard, in their order. */
export const stepIds = ['claim', 'network', 'time', 'certificate', 'teams', 'phones', 'done'] as const

export type StepId = (typeof stepIds)[number]

const stepId = Type.Enum(stepIds)

/** A step as the evidence shows it; nothing is done because somebody has clicked. */
export const stepView = Type.Object({
  id: stepId,
  state: Type.Union([
    Type.Literal('done'),
    Type.Literal('open'),
    Type.Literal('skipped', { description: 'Left for later; doing it takes that back' }),
    Type.Literal('attention', { description: 'Something of it is wrong now' }),
  ]),
  evidence: Type.String({ description: 'One sentence that says what was seen' }),
  checkedAtMs: moment,
})
export type StepView = Static<typeof stepView>

/** Live checks that can be run one by one. */
export const checkIds = ['gateway', 'dns', 'clock', 'teams-dns', 'teams-tls', 'teams-options'] as const

export type CheckId = (typeof checkIds)[number]

/** What a live check found. */
export const checkView = Type.Object({
  id: Type.Enum(checkIds),
  state: Type.Union([
    Type.Literal('ok'),
    Type.Literal('failed'),
    Type.Literal('unknown', { description: 'It could not be found out' }),
  ]),
  text: Type.String({ description: 'One sentence' }),
  advice: nullable(Type.String({ description: 'What to do about it' })),
  parts: Type.Array(Type.Object({ name: Type.String(), ok: Type.Boolean(), text: Type.String() }), {
    description: 'Host by host, where there are several',
  }),
  checkedAtMs: moment,
})
export type CheckView = Static<typeof checkView>

/** Where the setup of the box stands. */
export const setupView = Type.Object({
  steps: Type.Array(stepView),
  resume: Type.Union([stepId, Type.Null()], {
    description: 'Where a login leads to; null once a call was answered or nothing is open',
  }),
  phonesUrl: nullable(
    Type.String({ description: 'What desk phones ask for their configuration (DHCP option 66 or 160)' }),
  ),
  checks: Type.Array(checkView, { description: 'The latest result of each check that was ever run' }),
})
export type SetupView = Static<typeof setupView>

/** A country with what is usual there. */
export const countryView = Type.Object({
  code: Type.String({ description: 'ISO 3166' }),
  emergencyNumbers: Type.Array(Type.String()),
  timeZone: Type.String({ description: 'The one most people live in' }),
  language: Type.String(),
})
export type CountryView = Static<typeof countryView>

/** Where the box stands: what phones are told of time, language and emergency numbers. */
export const siteView = Type.Object({
  country: Type.String(),
  timeZone: Type.String(),
  language: Type.String(),
  ntpServers: Type.Array(Type.String()),
  emergencyNumbers: Type.Array(Type.String()),
  saved: Type.Boolean({ description: 'False: nobody has said so yet, these are the defaults' }),
  nowMs: moment,
  setsTimeZone: Type.Boolean({ description: 'The box sets the time zone of the machine as well' }),
  countries: Type.Array(countryView),
  timeZones: Type.Array(Type.String()),
})
export type SiteView = Static<typeof siteView>

const hostName = Type.String({ minLength: 1, maxLength: 253, pattern: '^[A-Za-z0-9.:-]+$' })

/** What the time-and-country step saves. */
export const siteBody = Type.Object(
  {
    country: Type.String({ pattern: '^[A-Z]{2}$' }),
    timeZone: Type.String({ minLength: 1, maxLength: 64 }),
    language: Type.String({ pattern: '^[a-z]{2}(-[A-Z]{2})?$' }),
    ntpServers: Type.Array(hostName, { maxItems: 4 }),
    emergencyNumbers: Type.Array(Type.String({ pattern: '^[0-9]{2,6}$' }), { maxItems: 20 }),
    withoutEmergencyNumbers: Type.Optional(
      Type.Boolean({ description: 'Must be true to save an empty list' }),
    ),
  },
  { additionalProperties: false },
)

/** The tenant as it is set and as it is in force. */
export const tenantView = Type.Object({
  kind: Type.Union([Type.Literal('none'), Type.Literal('lab'), Type.Literal('microsoft')], {
    description: 'As saved',
  }),
  running: Type.Union([Type.Literal('none'), Type.Literal('lab'), Type.Literal('microsoft')], {
    description: 'In force until the next restart',
  }),
  tenantId: nullable(Type.String()),
  clientId: nullable(Type.String()),
  sbcFqdn: nullable(Type.String()),
  certificate: Type.Boolean({ description: 'A certificate for the trunk is there' }),
  missing: Type.Array(Type.String({ description: 'What a Microsoft tenant still needs, one sentence each' })),
  permissions: Type.Array(Type.String(), { description: 'Delegated permissions that the app needs' }),
})
export type TenantView = Static<typeof tenantView>

export const tenantBody = Type.Object(
  {
    tenantId: Type.String({ maxLength: 64 }),
    clientId: Type.String({ maxLength: 64 }),
    sbcFqdn: Type.String({ maxLength: 253 }),
  },
  { additionalProperties: false },
)

/** Which tenant the box shall use from its next start on. */
export const tenantChoice = Type.Object(
  { kind: Type.Union([Type.Literal('none'), Type.Literal('lab'), Type.Literal('microsoft')]) },
  { additionalProperties: false },
)

/** What the choice did. */
export const tenantChosen = Type.Object({ restartNeeded: Type.Boolean() })
export type TenantChosen = Static<typeof tenantChosen>

/** The script for the tenant's admin. */
export const scriptView = Type.Object({
  file: Type.String({ description: 'A name to save it under' }),
  text: Type.String(),
})
export type ScriptView = Static<typeof scriptView>

/** How the check of the app registration stands. */
export const consentView = Type.Union([
  Type.Object({ state: Type.Literal('none') }),
  Type.Object({
    state: Type.Literal('awaitingUser'),
    userCode: Type.String(),
    verificationUri: Type.String(),
    expiresAtMs: moment,
  }),
  Type.Object({
    state: Type.Literal('confirmed'),
    upn: Type.String(),
    displayName: Type.String(),
    atMs: moment,
  }),
  Type.Object({ state: Type.Literal('failed'), text: Type.String(), advice: nullable(Type.String()) }),
])
export type ConsentView = Static<typeof consentView>
