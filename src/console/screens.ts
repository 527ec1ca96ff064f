import { formatEndpoint } from '#src/base/net.ts'
import { describeConfiguration } from '#src/host/network/configuration.ts'
import type { NetworkView, SystemNetwork } from '#src/host/network/ports.ts'
import type { ConsoleStatus, OwnerState } from './ports.ts'
import { duration, wrap } from './text.ts'

const field = (name: string, value: string): string[] => wrap(`  ${name.padEnd(16)} ${value}`, 19)

const title = (text: string): string[] => ['', text, '-'.repeat(text.length)]

const labNote = 'LAB: a stand-in for Microsoft 365 is in use; nothing reaches Teams.'

/** Addresses that a person can type: none that only this machine knows, IPv4 first. */
function reachable({ interfaces }: SystemNetwork): string[] {
  const all = interfaces.flatMap(({ addresses }) => addresses)
  const wide = all.filter(({ address }) => !/^(fe[89ab]|127\.|169\.254\.|::1$)/i.test(address))
  return wide.sort((a, b) => a.family - b.family).map(({ address }) => address)
}

/** Where the setup page is, one line per address. */
function pageUrls({ pageAddress, pagePort }: ConsoleStatus, system: SystemNetwork): string[] {
  const addresses = pageAddress === undefined ? reachable(system).slice(0, 4) : [pageAddress]
  return addresses.map((address) => `https://${formatEndpoint(address, pagePort)}`)
}

/** What stands on a console that nobody uses. */
export function bannerScreen(status: ConsoleStatus, system: SystemNetwork, owner: OwnerState): string[] {
  const urls = pageUrls(status, system)
  return [
    '',
    `Branchline ${status.version}: maintenance console`,
    ...(status.lab ? [labNote] : []),
    ...(urls[0] === undefined ? ['The box has no network address yet.'] : [`Setup page: ${urls[0]}`]),
    ...(owner.is === 'unclaimed' ? [`Claim code: ${owner.code}`] : []),
    '',
  ]
}

/** The menu itself. */
export function menuScreen(status: ConsoleStatus): string[] {
  return [
    '',
    `Branchline ${status.version}${status.lab ? ' (lab)' : ''}: ${stateWords[status.state]}`,
    '',
    '  1  Status               5  Recent log',
    '  2  Claim code           6  Restart',
    '  3  Network settings     7  Factory reset',
    '  4  Reset the password   8  Help',
    '',
  ]
}

const stateWords: Record<ConsoleStatus['state'], string> = {
  ok: 'all parts are running',
  starting: 'still starting',
  degraded: 'running, something needs attention (see 1)',
  failed: 'something is not running (see 1)',
}

/** How every part is, where the box is, and what it is. */
export function statusScreen(status: ConsoleStatus, system: SystemNetwork): string[] {
  const urls = pageUrls(status, system)
  return [
    ...title(`Branchline ${status.version}: ${stateWords[status.state]}`),
    ...(status.lab ? [labNote] : []),
    ...urls.flatMap((url, index) => field(index === 0 ? 'Setup page' : '', url)),
    ...(urls.length === 0 ? field('Setup page', 'no network address yet') : []),
    ...field('Running for', duration(status.uptimeS)),
    ...field('Calls now', String(status.liveCalls)),
    ...status.serials.flatMap(({ name, value }) => field(name, value)),
    '',
    ...status.parts.flatMap(({ name, state, detail, advice }) => [
      ...field(name, `${state.toUpperCase().padEnd(9)}${detail}`),
      ...(advice === undefined ? [] : field('', `To do: ${advice}`)),
    ]),
    '',
  ]
}

/** The claim code, only while the box has no owner. */
export function claimScreen(owner: OwnerState, status: ConsoleStatus, system: SystemNetwork): string[] {
  switch (owner.is) {
    case 'unclaimed':
      return [
        ...title('Claim code'),
        ...field('Claim code', owner.code),
        ...pageUrls(status, system).flatMap((url, index) => field(index === 0 ? 'Setup page' : '', url)),
        '',
        ...wrap('Open the setup page in a browser and type the code. Whoever does so first owns the box.'),
        '',
      ]
    case 'claimed':
      return [
        ...title('Claim code'),
        'The box has an owner, so there is no claim code.',
        'Forgotten password: 4 Reset the password makes a new code.',
        '',
      ]
    case 'unknown':
      return [
        ...title('Claim code'),
        'The database is not running, so the box cannot be claimed. See 1 Status.',
        '',
      ]
  }
}

/** The network as it is, and what can be done. */
export function networkScreen(view: NetworkView): string[] {
  const { system, configured, trial, supported, lastFailure } = view
  return [
    ...title('Network settings'),
    ...system.interfaces.flatMap(({ name, mac, link, addresses }) => [
      ...field(`Port ${name}`, `${link ? `link ${link}` : 'link unknown'}, ${mac ?? 'no hardware address'}`),
      ...addresses.flatMap(({ address, prefixLength }) => field('', `${address}/${prefixLength}`)),
    ]),
    ...field('Gateway', system.gateways.join(' ') || 'none'),
    ...field('DNS', system.dns.join(' ') || 'none'),
    ...(supported
      ? field(
          'Set to',
          configured ? describeConfiguration(configured) : 'Address by DHCP (nobody has set anything else)',
        )
      : []),
    ...(lastFailure === undefined ? [] : field('Last change', lastFailure)),
    '',
    ...(supported ? networkChoices(trial) : wrap(notOurs)),
    '',
  ]
}

const notOurs =
  'The operating system of this machine sets its network; the box only shows it. On the appliance image it can be set here.'

function networkChoices(trial: NetworkView['trial']): string[] {
  if (!trial) return ['  1  Address by DHCP', '  2  Fixed address', '  Enter: back']
  const what = describeConfiguration(trial.configuration)
  if (trial.state !== 'onTrial') return field('Being changed', what)
  return [
    ...field('On trial', `${what}; ${trial.secondsLeft} s left`),
    '',
    '  1  Keep it',
    '  2  Take it back',
    '  Enter: back',
  ]
}

/** The end of the log, the latest first: that is what somebody came to see. */
export function logScreen(lines: readonly string[], atMost: number): string[] {
  const text = lines
    .slice(-atMost)
    .toReversed()
    .flatMap((line) => line.split('\n'))
    .flatMap((line) => wrap(line, 4))
  return [
    ...title(`Recent log, the last ${Math.min(atMost, lines.length)} lines, latest first`),
    ...(text.length === 0 ? ['Nothing was logged yet.'] : text),
    '',
  ]
}

/** What the menu is for. */
export const helpScreen: readonly string[] = [
  ...title('Help'),
  '1 Status      how every part of the box is, and what to do about it',
  '2 Claim code  what the setup page asks for once, while the box has no owner',
  '3 Network     address, gateway, DNS and VLAN. A change is tried for 60 seconds',
  '              and taken back by itself unless somebody keeps it',
  '4 Reset the password',
  '              for a forgotten admin password; nothing else is lost',
  '5 Recent log  what the box noted last; secrets are masked',
  '6 Restart     the program, or on the appliance the whole machine',
  '7 Factory reset',
  '              erases everything; the box is as new afterwards',
  '',
  'Type a number and Enter. Ctrl-C goes back to the menu, Ctrl-L draws it again,',
  'q leaves. The console goes back to the start when nobody types for a while.',
  '115,200 baud, 8 data bits, no parity, 1 stop bit, no flow control.',
  '',
]
