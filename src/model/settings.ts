import { Type, type Static } from 'typebox'
import { closed, field, port } from './setting-schema.ts'
import { traceSettings } from './trace-settings.ts'

/**
 * Every setting of the box: title, default, and when a change takes effect (`x-applies`: live at once,
 * sip = the SIP and media parts restart, reboot = the process restarts). One place feeds validation, the
 * page and the documentation.
 */
export const settingsSchema = Type.Object(
  {
    listen: field(
      Type.String({ default: '0.0.0.0', minLength: 2, maxLength: 45 }),
      'Address that all ports bind to',
      'reboot',
    ),
    advertisedAddress: field(
      Type.Optional(Type.String({ minLength: 2, maxLength: 253 })),
      'Address or name shown to phones instead of the one they reached (NAT)',
      'sip',
    ),
    sip: Type.Object(
      {
        udpPort: field(port(5060), 'SIP over UDP port', 'sip'),
        tcpPort: field(port(5060), 'SIP over TCP port', 'sip'),
        tlsPort: field(port(5061), 'SIP over TLS port', 'sip'),
        realm: field(
          Type.String({ default: 'branchline', pattern: '^[A-Za-z0-9.-]{1,64}$' }),
          'Digest realm',
          'sip',
        ),
        minExpiresS: field(
          Type.Integer({ minimum: 10, maximum: 3600, default: 60 }),
          'Shortest registration, seconds',
          'live',
        ),
        maxExpiresS: field(
          Type.Integer({ minimum: 60, maximum: 86400, default: 3600 }),
          'Longest registration, seconds',
          'live',
        ),
        maxContactsPerLine: field(
          Type.Integer({ minimum: 1, maximum: 50, default: 10 }),
          'Contacts per line',
          'live',
        ),
        digestAlgorithms: field(
          Type.Array(
            Type.Union([Type.Literal('SHA-512-256'), Type.Literal('SHA-256'), Type.Literal('MD5')]),
            {
              default: ['SHA-256', 'MD5'],
              minItems: 1,
              maxItems: 3,
              uniqueItems: true,
            },
          ),
          'Ways for phones to prove their password (RFC 8760), the preferred one first; others are refused',
          'live',
        ),
        registrationSpread: field(
          Type.Integer({ minimum: 0, maximum: 50, default: 10 }),
          'How far registration times are spread below what phones ask for, percent',
          'live',
        ),
        flowTimerS: field(
          Type.Integer({ minimum: 0, maximum: 3600, default: 120 }),
          'How often phones with outbound (RFC 5626) must show life, seconds; 0 = as they like',
          'live',
        ),
        pathWithoutSupport: field(
          Type.Union([Type.Literal('accept'), Type.Literal('refuse')], { default: 'accept' }),
          'Registrations through a proxy (Path, RFC 3327) of phones that do not say that they know Path',
          'live',
        ),
        serviceRoute: field(
          Type.Array(Type.String({ maxLength: 253, pattern: '^sips?:[^\\s<>",]+;lr([;=][^\\s<>",]*)?$' }), {
            default: [],
            maxItems: 4,
          }),
          'Proxies that phones must send their calls through (Service-Route, RFC 3608), as SIP URIs with ;lr',
          'live',
        ),
        ringTimeoutS: field(
          Type.Integer({ minimum: 5, maximum: 180, default: 45 }),
          'Ring time before a call counts as not answered, seconds',
          'live',
        ),
        allowList: field(
          Type.Array(Type.String({ maxLength: 49, pattern: '^[0-9A-Fa-f.:]{2,45}(/[0-9]{1,3})?$' }), {
            default: [],
            maxItems: 200,
          }),
          'Addresses and networks (CIDR) that are never shut out, such as those of the phones',
          'live',
        ),
        guard: Type.Object(
          {
            enabled: field(
              Type.Boolean({ default: true }),
              'Shut out addresses that flood the box, scan it or guess passwords',
              'sip',
            ),
            messagesPerSecond: field(
              Type.Integer({ minimum: 20, maximum: 100_000, default: 200 }),
              'SIP messages per second that one address without a registration may send',
              'sip',
            ),
            moreScanners: field(
              Type.Array(Type.String({ minLength: 3, maxLength: 60 }), { default: [], maxItems: 50 }),
              'Further programs that are dropped unanswered, by a part of their User-Agent',
              'sip',
            ),
            ownMachine: field(
              Type.Boolean({ default: false }),
              'Judge also what comes from this machine itself (for tests)',
              'sip',
            ),
          },
          closed,
        ),
        overload: Type.Object(
          {
            enabled: field(
              Type.Boolean({ default: true }),
              'Refuse a part of the new calls and registrations (503) when there are more than the box can do',
              'sip',
            ),
            busyPercent: field(
              Type.Integer({ minimum: 50, maximum: 99, default: 95 }),
              'How busy signalling may be before new calls are refused, percent; registrations wait from a tenth less',
              'sip',
            ),
            registersInProgress: field(
              Type.Integer({ minimum: 10, maximum: 10_000, default: 2000 }),
              'Registrations that may wait for their answer at once',
              'sip',
            ),
          },
          closed,
        ),
        door: Type.Object(
          {
            enabled: field(
              Type.Boolean({ default: false }),
              'Open the door for outside drachtio-srf applications',
              'sip',
            ),
            host: field(Type.String({ default: '127.0.0.1' }), 'Address of the door', 'sip'),
            port: field(port(9022), 'Port of the door', 'sip'),
          },
          closed,
        ),
        drachtio: field(
          Type.Optional(
            Type.Object(
              {
                host: Type.String({ title: 'Address of the drachtio-server' }),
                port: Type.Integer({
                  minimum: 1,
                  maximum: 65535,
                  default: 9022,
                  title: 'Port of the drachtio-server',
                }),
                secret: Type.String({ title: 'Secret of the drachtio-server', 'x-secret': true }),
              },
              { additionalProperties: false },
            ),
          ),
          'A drachtio-server to use instead of the embedded engine',
          'sip',
        ),
      },
      closed,
    ),
    media: Type.Object(
      {
        relay: field(
          Type.Union([Type.Literal('embedded'), Type.Literal('rtpengine')], { default: 'embedded' }),
          'Media relay',
          'sip',
        ),
        portMin: field(
          Type.Integer({ minimum: 1024, maximum: 65534, default: 20000 }),
          'First media port',
          'sip',
        ),
        portMax: field(
          Type.Integer({ minimum: 1025, maximum: 65535, default: 20999 }),
          'Last media port',
          'sip',
        ),
        workers: field(Type.Integer({ minimum: 1, maximum: 16, default: 1 }), 'Relay workers', 'sip'),
        rtpengine: Type.Object(
          {
            host: field(Type.String({ default: '127.0.0.1' }), 'Address of rtpengine', 'sip'),
            port: field(port(2223), 'NG control port of rtpengine', 'sip'),
          },
          closed,
        ),
      },
      closed,
    ),
    page: Type.Object(
      {
        httpsPort: field(port(8443), 'Setup page and API port (HTTPS)', 'reboot'),
        httpPort: field(port(8080), 'Provisioning and redirect port (HTTP)', 'reboot'),
      },
      closed,
    ),
    site: Type.Object(
      {
        country: field(Type.String({ default: 'DE', pattern: '^[A-Z]{2}$' }), 'Country (ISO 3166)', 'live'),
        emergencyNumbers: field(
          Type.Array(Type.String({ pattern: '^[0-9]{2,6}$' }), {
            default: ['112', '110', '911', '999', '933'],
            maxItems: 20,
          }),
          'Emergency numbers',
          'live',
        ),
        timeZone: field(
          Type.String({
            default: 'Europe/Berlin',
            pattern: '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$',
            maxLength: 64,
          }),
          'Time zone (IANA name)',
          'live',
        ),
        language: field(
          Type.String({ default: 'en', pattern: '^[a-z]{2}(-[A-Z]{2})?$' }),
          'Language of the phones (BCP 47)',
          'live',
        ),
        ntpServers: field(
          Type.Array(Type.String({ minLength: 1, maxLength: 253, pattern: '^[A-Za-z0-9.:-]+$' }), {
            default: ['time.windows.com', 'pool.ntp.org'],
            maxItems: 4,
          }),
          'Time servers for phones',
          'live',
        ),
      },
      closed,
    ),
    provisioning: Type.Object(
      {
        enabled: field(
          Type.Boolean({ default: true }),
          'Phones that ask get their configuration from this box',
          'live',
        ),
        sipPnp: field(
          Type.Boolean({ default: true }),
          'Answer phones that look for a provisioning server by multicast (SIP PnP)',
          'reboot',
        ),
        signedInStaleDays: field(
          Type.Integer({ minimum: 1, maximum: 3650, default: 30 }),
          'Days without a registration after which a signed-in device is off-boarded',
          'live',
        ),
        signedOutStaleDays: field(
          Type.Integer({ minimum: 1, maximum: 3650, default: 14 }),
          'Days without a registration after which a signed-out device is off-boarded',
          'live',
        ),
      },
      closed,
    ),
    tenant: Type.Object(
      {
        kind: field(
          Type.Union([Type.Literal('none'), Type.Literal('lab'), Type.Literal('microsoft')], {
            default: 'none',
          }),
          'Tenant',
          'reboot',
        ),
        tenantId: field(Type.Optional(Type.String({ maxLength: 64 })), 'Entra tenant id', 'reboot'),
        clientId: field(
          Type.Optional(Type.String({ maxLength: 64 })),
          'Entra application (client) id',
          'reboot',
        ),
        sbcFqdn: field(
          Type.Optional(Type.String({ maxLength: 63 })),
          'FQDN of this box in the tenant',
          'sip',
        ),
        certificateFile: field(
          Type.Optional(Type.String({ maxLength: 4096 })),
          'File with the certificate chain that the box shows to Teams (PEM)',
          'sip',
        ),
        keyFile: field(
          Type.Optional(Type.String({ maxLength: 4096 })),
          'File with the private key of that certificate (PEM)',
          'sip',
        ),
        trunkHosts: field(
          Type.Optional(
            Type.Array(
              Type.Object(
                {
                  name: Type.String({ title: 'Host name', minLength: 1, maxLength: 253 }),
                  port: Type.Integer({ title: 'Port', minimum: 1, maximum: 65535, default: 5061 }),
                  address: Type.Optional(
                    Type.String({ title: 'Address, where DNS must not be asked', maxLength: 45 }),
                  ),
                },
                { additionalProperties: false },
              ),
              { maxItems: 8 },
            ),
          ),
          'Signalling hosts of the trunk in order of preference, instead of Microsoft’s',
          'sip',
        ),
        trunkCaFile: field(
          Type.Optional(Type.String({ maxLength: 4096 })),
          'File with the roots that the trunk’s certificates chain to (PEM), instead of the public ones',
          'sip',
        ),
      },
      closed,
    ),
    console: Type.Object(
      {
        locked: field(
          Type.Boolean({ default: false }),
          'The console on the box asks for the admin password; once forgotten, it cannot be reset there',
          'live',
        ),
      },
      closed,
    ),
    trace: traceSettings,
    log: Type.Object(
      {
        level: field(
          Type.Union(
            [Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')],
            { default: 'info' },
          ),
          'Log level',
          'live',
        ),
      },
      closed,
    ),
    stopGraceS: field(
      Type.Integer({ minimum: 0, maximum: 3600, default: 20 }),
      'Time that live calls get at shutdown, seconds',
      'live',
    ),
  },
  { additionalProperties: false, default: {} },
)

export type Settings = Static<typeof settingsSchema>
