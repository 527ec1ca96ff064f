import { XMLBuilder } from 'fast-xml-parser'
import { ApplianceError } from '#src/base/errors.ts'
import type { DeviceView, LineView } from '../device-view.ts'
import { exactText, posixTimeZone, shownText, standbyText, username } from '../features/spectralink-values.ts'
import { kindOfName, namesOf } from '../file-names.ts'
import { spectralinkAssumptions as assumed } from '../vendors/spectralink-undocumented.ts'
import type { FamilyRenderer } from './family-renderer.ts'

/** Minutes until the server looks for new files by itself; soon while a window is open, so that it closes in time. */
const minutesToNextLook = { closed: 60, open: 5 } as const
/** Differentiated services octets: AF31 for signalling, EF for audio. */
const signallingTos = 104
const audioTos = 184

type Element = string | number | boolean | Tree | Tree[]
interface Tree {
  [name: string]: Element
}

const builder = new XMLBuilder({ format: true, indentBy: '  ', processEntities: true })

/** Spectralink IP-DECT servers: one file for the server, one for the users of its handsets. */
export const spectralinkRenderer: FamilyRenderer = {
  filesOf: ({ mac }) => namesOf(assumed.files, { mac }),
  kindOf: (fileName, mac) => kindOfName(assumed.files, fileName, mac),
  render: (kind, view) => ({
    contentType: 'text/xml; charset=utf-8',
    kind,
    body: print(kind === 'device' ? usersFile(view) : configFile(view)),
  }),
}

function print(tree: Tree): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build(tree)}`
}

/** Read over plain HTTP it sends the server to its own address and leaves everything that it does not name as it is. */
function configFile(view: DeviceView): Tree {
  const config: Tree = {}
  set(config, assumed.trustedCaUrl, exactText(view.caUrl))
  config['provisioning'] = provisioning(view)
  if (view.stage === 'bootstrap') return { config }
  config['dect'] = { auto_create_users: false, send_date_time: true }
  set(config, assumed.subscriptionFlag, view.dect?.subscriptionAllowed ?? false)
  config['network'] = network(view)
  config['sip'] = sip(view)
  if (transportOf(view) === 'tls') set(config, assumed.secureAudio.path, assumed.secureAudio.value)
  return { config }
}

function provisioning(view: DeviceView): Tree {
  const minutes = minutesToNextLook[view.dect?.subscriptionAllowed ? 'open' : 'closed']
  return {
    check: { check_sync: assumed.onCheckSync, interval: view.stage === 'bootstrap' ? 1 : minutes },
    server: { method: 'static', url: exactText(view.provisioningUrl) },
    users: { check: true },
  }
}

/** How the server gets its own address (`bootproto`) is left as it is: nobody may lose it through a file. */
function network({ site }: DeviceView): Tree {
  const [ntp] = site.ntpServers
  const timezone = posixTimeZone(site.timeZone, site.year)
  return {
    ...(ntp === undefined ? {} : { ntp: exactText(ntp) }),
    ...(timezone === undefined ? {} : { timezone }),
  }
}

function sip(view: DeviceView): Tree {
  const host = exactText(view.server.host)
  const transport = transportOf(view)
  const port = { udp: view.server.udpPort, tcp: view.server.tcpPort, tls: view.server.tlsPort }[transport]
  return {
    defaultdomain: host,
    proxy: { domain: host, port: port ?? 0, transport: assumed.transport[transport] },
    registration_expire: 3600,
    maxforwards: 70,
    tos: signallingTos,
    send_to_current_registrar: false,
    // All handsets share the server's one SIP port: the user part of the Contact tells them apart.
    ...Object.fromEntries(assumed.endpointPortsElements.map((name) => [name, false])),
    dtmf: { rtp: true, rtp_payload_type: 101, info: false, duration: 270 },
    media: { codecs: assumed.codecs, ptime: 20, symmetric: true, tos: audioTos },
    mwi: { enable: true, subscribe: true, expire: 3600 },
    onholdtone: true,
    // Off, so that # can be dialled: feature codes may end with it.
    pound_dials_overlap: false,
    showstatustext: true,
  }
}

/** UDP while its door is open: of the three words for a transport only that one has been seen to work. */
function transportOf({ server }: DeviceView): 'udp' | 'tcp' | 'tls' {
  if (server.udpPort !== undefined) return 'udp'
  if (server.tcpPort !== undefined) return 'tcp'
  if (server.tlsPort !== undefined) return 'tls'
  throw new ApplianceError('INVALID', {}, { text: 'The box has no SIP port that this server could use.' })
}

/** Nobody over plain HTTP: it holds the passwords of every handset. */
function usersFile(view: DeviceView): Tree {
  const users = view.stage === 'bootstrap' ? [] : view.lines.map((line) => user(line, view))
  return { [assumed.users.root]: users.length === 0 ? '' : { [assumed.users.user]: users } }
}

function user(line: LineView, view: DeviceView): Tree {
  const names = assumed.users
  const ipei = line.ipei ?? ''
  return {
    [names.ipei]: assumed.ipeiWithSpaces ? ipei : ipei.replaceAll(' ', ''),
    ...(line.accessCode === undefined ? {} : { [names.accessCode]: line.accessCode }),
    [names.username]: username(line.username),
    [names.domain]: exactText(view.server.host),
    [names.displayName]: shownText(line.displayName),
    [names.authUser]: username(line.username),
    [names.authPassword]: exactText(line.password),
    [names.standbyText]: standbyText(standbyOf(line, view)),
    [names.disabled]: false,
  }
}

/** Whose handset it is now, or what to dial to make it somebody's. */
function standbyOf({ label, signedIn }: LineView, view: DeviceView): string {
  return signedIn ? `${signedIn.displayName} ${signedIn.number}` : `${label}: ${view.featureCodes.signIn}`
}

function set(tree: Tree, path: readonly string[], value: Element): void {
  const [name = '', ...rest] = path
  if (rest.length === 0) {
    tree[name] = value
    return
  }
  const branch = tree[name]
  const inner: Tree = typeof branch === 'object' && !Array.isArray(branch) ? branch : {}
  tree[name] = inner
  set(inner, rest, value)
}
