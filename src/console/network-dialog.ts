import { isIPv4 } from 'node:net'
import {
  checkAddress,
  checkDns,
  checkGateway,
  checkPrefix,
  checkVlan,
  describeConfiguration,
  maskOf,
  maxDns,
  parsePrefixLength,
} from '#src/host/network/configuration.ts'
import type { NetworkConfiguration, NetworkView, StaticConfiguration } from '#src/host/network/ports.ts'

type Question = 'interface' | 'address' | 'prefix' | 'gateway' | 'dns' | 'vlan' | 'sure'

/** The questions of one change of the network, and what was answered so far. */
export interface NetworkDialog {
  readonly mode: NetworkConfiguration['mode']
  readonly question: Question
  /** Network ports to choose from. */
  readonly ports: readonly string[]
  readonly draft: Draft
}

type Draft = Omit<StaticConfiguration, 'mode'>

/** What an answer led to: the next question, a change that is wanted, or none. */
export type DialogStep =
  { next: NetworkDialog; say: string[] } | { wanted: NetworkConfiguration } | { given: 'up' }

/** Begins with what is in force, so that Enter keeps it. */
export function newDialog(mode: NetworkConfiguration['mode'], view: NetworkView): NetworkDialog {
  const { system, configured } = view
  const ports = system.interfaces.filter(({ physical }) => physical).map(({ name }) => name)
  // With a VLAN the address is not on the port itself.
  const current = [...system.interfaces]
    .sort((a, b) => Number(b.physical) - Number(a.physical))
    .flatMap(({ addresses }) => addresses)
    .find(({ family }) => family === 4)
  const kept = configured?.mode === 'static' ? configured : undefined
  const draft: Draft = {
    interface: configured?.interface,
    vlan: configured?.vlan,
    address: kept?.address ?? current?.address ?? '',
    prefixLength: kept?.prefixLength ?? current?.prefixLength ?? 24,
    gateway: kept ? kept.gateway : (system.gateways[0] ?? null),
    dns: (kept?.dns ?? system.dns).filter((server) => isIPv4(server) && !checkDns(server)).slice(0, maxDns),
  }
  return { mode, question: ports.length > 1 ? 'interface' : firstOf(mode), ports, draft }
}

function firstOf(mode: NetworkConfiguration['mode']): Question {
  return mode === 'static' ? 'address' : 'vlan'
}

/** What is asked now, with the answer that Enter gives in brackets. */
export function askDialog({ question, draft, ports, mode }: NetworkDialog): string {
  const or = (text: string): string => (text === '' ? ': ' : ` [${text}]: `)
  switch (question) {
    case 'interface':
      return `Network port (${ports.join(', ')})${or(draft.interface ?? ports[0] ?? '')}`
    case 'address':
      return `Address of the box${or(draft.address)}`
    case 'prefix':
      return `Mask or prefix length${or(`${maskOf(draft.prefixLength)} = /${draft.prefixLength}`)}`
    case 'gateway':
      return `Gateway, or none${or(draft.gateway ?? 'none')}`
    case 'dns':
      return `DNS servers, up to ${maxDns}, or none${or(draft.dns.join(' ') || 'none')}`
    case 'vlan':
      return `VLAN 1-4094, or none${or(draft.vlan === undefined ? 'none' : String(draft.vlan))}`
    case 'sure':
      return `Try ${describeConfiguration(finish(mode, draft))}? Type yes: `
  }
}

/** Their files and their registrations name the box's address, and they no longer look for another. */
const phonesStay = [
  'Phones that this box has configured know it by its present address: with',
  'another one they find it again only after a factory reset of the phone.',
]

/** Takes one answer; an empty one keeps what stands in brackets, a wrong one is explained and asked again. */
export function answerDialog(dialog: NetworkDialog, text: string): DialogStep {
  const { question, draft, mode, ports } = dialog
  const typed = text.trim()
  const again = (problem: string): DialogStep => ({ next: dialog, say: [problem] })
  const go = (next: Question, changes: Partial<Draft> = {}): DialogStep => ({
    next: { ...dialog, question: next, draft: { ...draft, ...changes } },
    say: [],
  })
  switch (question) {
    case 'interface': {
      const name = typed === '' ? (draft.interface ?? ports[0]) : typed
      return name !== undefined && ports.includes(name)
        ? go(firstOf(mode), { interface: name })
        : again(`There is no network port ${typed}.`)
    }
    case 'address':
      return answerAddress(typed === '' ? draft.address : typed, go, again)
    case 'prefix': {
      const prefixLength = typed === '' ? draft.prefixLength : parsePrefixLength(typed)
      if (prefixLength === undefined)
        return again(`${typed} is no mask such as 255.255.255.0 and no prefix such as 24.`)
      const wrong = checkPrefix(draft.address, prefixLength)
      return wrong ? again(wrong) : go('gateway', { prefixLength })
    }
    case 'gateway': {
      const gateway = typed === '' ? draft.gateway : isNone(typed) ? null : typed
      const wrong = gateway === null ? undefined : checkGateway(gateway, draft)
      return wrong ? again(wrong) : go('dns', { gateway })
    }
    case 'dns': {
      const dns = typed === '' ? draft.dns : isNone(typed) ? [] : typed.split(/[\s,]+/)
      if (dns.length > maxDns) return again(`At most ${maxDns} DNS servers.`)
      const wrong = dns.map(checkDns).find((problem) => problem !== undefined)
      return wrong ? again(wrong) : go('vlan', { dns })
    }
    case 'vlan': {
      const vlan = typed === '' ? draft.vlan : isNone(typed) ? undefined : Number(typed)
      const wrong = vlan === undefined ? undefined : checkVlan(vlan)
      return wrong ? again(wrong) : { ...go('sure', { vlan }), say: phonesStay }
    }
    case 'sure':
      return typed.toLowerCase() === 'yes' ? { wanted: finish(mode, draft) } : { given: 'up' }
  }
}

function answerAddress(
  text: string,
  go: (next: Question, changes: Partial<Draft>) => DialogStep,
  again: (problem: string) => DialogStep,
): DialogStep {
  const [address = '', prefix] = text.split('/')
  const wrong = checkAddress(address)
  if (wrong) return again(wrong)
  if (prefix === undefined) return go('prefix', { address })
  const prefixLength = parsePrefixLength(prefix)
  if (prefixLength === undefined) return again(`${prefix} is no prefix length, it is 1 to 30.`)
  const wrongPrefix = checkPrefix(address, prefixLength)
  return wrongPrefix ? again(wrongPrefix) : go('gateway', { address, prefixLength })
}

const isNone = (text: string): boolean => /^(none|-|no)$/i.test(text)

function finish(mode: NetworkConfiguration['mode'], draft: Draft): NetworkConfiguration {
  const { interface: name, vlan, address, prefixLength, gateway, dns } = draft
  const common = {
    ...(name === undefined ? {} : { interface: name }),
    ...(vlan === undefined ? {} : { vlan }),
  }
  return mode === 'dhcp' ? { mode, ...common } : { mode, ...common, address, prefixLength, gateway, dns }
}
