import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { isSubnet } from '#src/base/net.ts'
import type { Settings } from '#src/model/settings.ts'
import type { SettingProblem } from './describe-error.ts'

/** A port that some part will bind. */
interface PortUse {
  field: string
  protocol: 'udp' | 'tcp'
  host: string
  port: number
}

/** Checks what no single field can tell: pairs that exclude each other, ports that clash, things that need another. */
export function validateSettings(settings: Settings): SettingProblem[] {
  return [
    ...checkAddresses(settings),
    ...checkAllowList(settings),
    ...checkMediaPorts(settings),
    ...checkPorts(settings),
    ...checkRegistration(settings),
    ...checkTenant(settings),
  ]
}

function checkAddresses({ listen, sip, advertisedAddress }: Settings): SettingProblem[] {
  const problems: SettingProblem[] = []
  if (isIP(listen) === 0) {
    problems.push({
      field: 'listen',
      text: `${listen} is not an IP address: expected one of this machine, or 0.0.0.0 for all.`,
    })
  }
  if (sip.door.enabled && isIP(sip.door.host) === 0) {
    problems.push({ field: 'sip.door.host', text: `${sip.door.host} is not an IP address.` })
  }
  if (advertisedAddress !== undefined && !isHost(advertisedAddress)) {
    problems.push({
      field: 'advertisedAddress',
      text: `${advertisedAddress} is neither an IP address nor a name.`,
    })
  }
  return problems
}

function checkAllowList({ sip }: Settings): SettingProblem[] {
  const wrong = sip.allowList.find((entry) => !isSubnet(entry))
  return wrong === undefined
    ? []
    : [{ field: 'sip.allowList', text: `${wrong} is neither an address nor a network such as 192.0.2.0/24.` }]
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || /^(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$/.test(text)
}

function checkMediaPorts({ media }: Settings): SettingProblem[] {
  // A call takes an even port and the next on each side (RFC 3550 11): four ports in all.
  if (media.portMax - media.portMin >= 5) return []
  return [
    {
      field: 'media.portMax',
      text: `${media.portMax} leaves no room above media.portMin (${media.portMin}): a single call needs four ports, and the box's own voice two.`,
    },
  ]
}

function portUses({ listen, sip, page }: Settings): PortUse[] {
  const uses: PortUse[] = [
    { field: 'page.httpsPort', protocol: 'tcp', host: listen, port: page.httpsPort },
    { field: 'page.httpPort', protocol: 'tcp', host: listen, port: page.httpPort },
  ]
  // A drachtio-server listens itself, on its own machine or at least by its own configuration.
  if (sip.drachtio === undefined) {
    uses.push(
      { field: 'sip.udpPort', protocol: 'udp', host: listen, port: sip.udpPort },
      { field: 'sip.tcpPort', protocol: 'tcp', host: listen, port: sip.tcpPort },
      { field: 'sip.tlsPort', protocol: 'tcp', host: listen, port: sip.tlsPort },
    )
    if (sip.door.enabled) {
      uses.push({ field: 'sip.door.port', protocol: 'tcp', host: sip.door.host, port: sip.door.port })
    }
  }
  return uses.filter(({ port }) => port !== 0)
}

function checkPorts(settings: Settings): SettingProblem[] {
  const uses = portUses(settings)
  const { media } = settings
  const problems: SettingProblem[] = []
  uses.forEach((use, index) => {
    const clash = uses.slice(0, index).find((other) => sameSocket(use, other))
    if (clash) problems.push({ field: use.field, text: `Port ${use.port} is also ${clash.field}.` })
    const inMedia = use.port >= media.portMin && use.port <= media.portMax
    if (media.relay === 'embedded' && use.protocol === 'udp' && inMedia) {
      problems.push({
        field: use.field,
        text: `Port ${use.port} lies in the media ports (${media.portMin} to ${media.portMax}).`,
      })
    }
  })
  return problems
}

function sameSocket(a: PortUse, b: PortUse): boolean {
  const all = (host: string): boolean => host === '0.0.0.0' || host === '::'
  return a.protocol === b.protocol && a.port === b.port && (a.host === b.host || all(a.host) || all(b.host))
}

function checkRegistration({ sip }: Settings): SettingProblem[] {
  if (sip.minExpiresS <= sip.maxExpiresS) return []
  return [
    {
      field: 'sip.maxExpiresS',
      text: `${sip.maxExpiresS} is shorter than sip.minExpiresS (${sip.minExpiresS}): no registration would be accepted.`,
    },
  ]
}

function checkTenant({ tenant }: Settings): SettingProblem[] {
  const problems: SettingProblem[] = []
  if (tenant.kind === 'microsoft') {
    for (const name of ['tenantId', 'clientId', 'sbcFqdn'] as const) {
      if (tenant[name] === undefined) {
        problems.push({ field: `tenant.${name}`, text: 'This is missing: a Microsoft tenant needs it.' })
      }
    }
  }
  if ((tenant.certificateFile === undefined) !== (tenant.keyFile === undefined)) {
    const field = tenant.certificateFile === undefined ? 'tenant.certificateFile' : 'tenant.keyFile'
    problems.push({ field, text: 'This is missing: certificate and key go together.' })
  }
  for (const name of ['certificateFile', 'keyFile', 'trunkCaFile'] as const) {
    const path = tenant[name]
    if (path !== undefined && !existsSync(path)) {
      problems.push({ field: `tenant.${name}`, text: `There is no file ${path}.` })
    }
  }
  return problems
}
