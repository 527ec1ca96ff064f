import { featureCodesView, type DeviceStage, type DeviceView } from '#src/devices/device-view.ts'

/** Secrets of the view below; each is looked for where it must not stand. */
export const secrets = {
  provisioningToken: 'PROVISIONINGTOKEN',
  pageToken: 'PAGETOKEN',
  password: 'line-password-1',
  adminPassword: 'phone-admin-2',
} as const

/** A phone of the branch with everything filled in; parts can be replaced. */
export function makeView(
  stage: DeviceStage,
  change: Partial<Omit<DeviceView, 'device' | 'site' | 'server'>> & {
    device?: Partial<DeviceView['device']>
    site?: Partial<DeviceView['site']>
    server?: Partial<DeviceView['server']>
  } = {},
): DeviceView {
  return {
    stage,
    provisioningUrl: `https://192.0.2.10:8443/p/${secrets.provisioningToken}/`,
    caUrl: 'http://192.0.2.10:8080/ca.pem',
    pageUrl: `https://192.0.2.10:8443/s/${secrets.pageToken}/`,
    lines: [
      {
        username: 'line7k2m',
        password: secrets.password,
        label: 'Reception',
        displayName: 'Reception',
        signedIn: undefined,
      },
    ],
    adminPassword: secrets.adminPassword,
    featureCodes: featureCodesView,
    callForwardingAllowed: false,
    configVersion: '4f2a91c07d3e',
    ...change,
    device: {
      mac: '001565aabbcc',
      label: 'Reception',
      model: 'T46S',
      firmware: '66.84.0.125',
      location: 'Lobby',
      ...change.device,
    },
    server: {
      host: '192.0.2.10',
      httpUrl: 'http://192.0.2.10:8080',
      httpsUrl: 'https://192.0.2.10:8443',
      tlsPort: 5061,
      udpPort: 5060,
      tcpPort: 5060,
      realm: 'branchline',
      ...change.server,
    },
    site: {
      country: 'DE',
      language: 'de',
      timeZone: 'Europe/Berlin',
      year: 2026,
      ntpServers: ['192.0.2.10', 'pool.ntp.org'],
      emergencyNumbers: ['112', '110'],
      ...change.site,
    },
  }
}

/** Reads a file as a Yealink phone does: the header, then comments and `key = value`; anything else throws. */
export function readYealinkFile(body: string): Map<string, string> {
  const [header, ...lines] = body.split('\n')
  if (header !== '#!version:1.0.0.1') throw new TypeError(`header ${header}`)
  const settings = new Map<string, string>()
  for (const line of lines) {
    if (line === '' || line.startsWith('#')) continue
    const match = /^([a-z][a-z0-9_.]*) = (\S.*)$/u.exec(line)
    if (!match) throw new TypeError(`line ${JSON.stringify(line)}`)
    const [, key = '', value = ''] = match
    if (settings.has(key)) throw new TypeError(`twice: ${key}`)
    settings.set(key, value)
  }
  return settings
}
