import type { ApiHandle, BoxHealth } from '#src/api/ports.ts'
import { formatEndpoint } from '#src/base/net.ts'
import { listLocalAddresses } from '#src/host/local-address.ts'
import type { Settings } from '#src/model/settings.ts'
import type { ApplianceOptions } from './options.ts'

/** Prints what the person at the console needs next: where the page is, and how a phone gets in. */
export function printWelcome(
  options: ApplianceOptions,
  { health, page, settings }: { health: BoxHealth; page: ApiHandle; settings: Settings },
): void {
  const hosts =
    settings.listen === '0.0.0.0' || settings.listen === '::'
      ? ['127.0.0.1', ...lanAddresses()]
      : [settings.listen]
  const sipRuns = health.parts.some(({ name, state }) => name === 'sip' && state === 'ok')
  const lines = [
    '',
    `Branchline ${options.version}${health.lab ? ' (lab tenant: a stand-in for Microsoft 365 on this machine, nothing leaves it)' : ''}`,
    '',
    ...hosts.map(
      (host, index) =>
        `  ${index === 0 ? 'Setup page ' : '           '} https://${formatEndpoint(host, page.httpsPort)}`,
    ),
    // A port that is not open must not be given to a phone.
    ...(sipRuns
      ? [
          `  SIP         UDP ${settings.sip.udpPort}, TCP ${settings.sip.tcpPort}, TLS ${settings.sip.tlsPort}`,
        ]
      : []),
    '',
  ]
  for (const part of health.parts.filter(({ state }) => state === 'failed' || state === 'degraded')) {
    lines.push(
      `  ${part.name} ${part.state}: ${part.detail}`,
      ...(part.advice ? [`    ${part.advice}`] : []),
      '',
    )
  }
  if (health.state === 'ok') {
    const way = page.claimCode() === undefined ? 'log in' : 'claim the box with the code below'
    lines.push(
      `  To register a softphone: open the setup page, ${way}, choose Phones, Add phone,`,
      `  and give the softphone the username and password shown there, with ${hosts[1] ?? hosts[0]}:${settings.sip.udpPort} (UDP) as its server.`,
      '  Then dial *50* on it, or choose Sign in on the page, to sign a person in.',
      '',
    )
  }
  for (const line of lines) options.say(line)
}

function lanAddresses(): string[] {
  return listLocalAddresses().filter((address) => !address.includes(':') && !address.startsWith('127.'))
}
