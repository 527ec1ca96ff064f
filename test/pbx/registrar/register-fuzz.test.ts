import t from 'tap'
import { registerAnswerHeaders } from '#src/pbx/registrar/answer-register.ts'
import { unknownRequirements } from '#src/pbx/registrar/option-tags.ts'
import { readRegister } from '#src/pbx/registrar/register-request.ts'
import { applyRegister } from '#src/pbx/registrar/save-binding.ts'
import type { IncomingRequest } from '#src/pbx/sip-port.ts'
import { parseNameAddr } from '#src/sip/name-addr.ts'
import { splitList } from '#src/sip/params.ts'
import type { Binding } from '#src/model/binding.ts'
import { threadCpuMs } from '#test/support/cpu-time.ts'

const seeds: Record<string, string>[] = [
  { Contact: '<sip:a@1.2.3.4>;expires=60;q=0.5', Expires: '120' },
  { Contact: '*', Expires: '0' },
  { Contact: '"A, B" <sips:a@[2001:db8::1]:5061;transport=tls>;methods="INVITE,ACK";+sip.x="<u>"' },
  { Contact: 'sip:a@1.2.3.4;expires=3600, <sip:b%41@host.invalid;transport=ws;ob>;reg-id=1' },
  {
    Contact: '<sip:a@1.2.3.4;pn-prid=abc:def>;+sip.instance="<urn:uuid:0-1>";reg-id=7',
    Supported: 'path, outbound',
    Path: '<sip:t%6f@e1;lr;ob>, "x" <sip:e2;lr>;y=1',
    Via: 'SIP/2.0/UDP a, SIP/2.0/UDP b',
  },
  { Require: 'path, gruu', Contact: '<tel:+49>' },
]
const always = { To: '<sip:line1@box>', 'Call-ID': 'c1', CSeq: '1 REGISTER', 'User-Agent': 'P' }
const pieces = [
  ...'<>";,=*:@%[]\\ \t\u0000\u007fé',
  '%00',
  ';;',
  '""',
  '<<',
  'expires=',
  '9'.repeat(30),
  'a'.repeat(2000),
]

/** A small generator of its own, so that a failure can be made again from its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

function mutate(text: string, random: (below: number) => number): string {
  let result = text
  for (let count = 1 + random(4); count > 0; count--) {
    const at = random(result.length + 1)
    const until = at + random(6)
    const piece = pieces[random(pieces.length)] as string
    const kind = random(4)
    if (kind === 0) result = result.slice(0, at) + piece + result.slice(at)
    else if (kind === 1) result = result.slice(0, at) + result.slice(until)
    else if (kind === 2) result = result.slice(0, at) + piece + result.slice(until)
    else result += result.slice(at, at + 40)
  }
  return result
}

function requestOf(fields: Record<string, string>): IncomingRequest {
  return {
    method: 'REGISTER',
    uri: 'sip:box',
    body: undefined,
    protocol: 'udp',
    source_address: '192.0.2.7',
    source_port: 5060,
    get: (name) => fields[name],
    on: () => undefined,
  }
}

t.test('mutated REGISTERs are taken or refused, and what is stored can be said back', async (t) => {
  const runs = 20_000
  const rules = { minExpiresMs: 60_000, maxExpiresMs: 3_600_000, maxContacts: 10 }
  const flow = { protocol: 'udp', host: '192.0.2.7', port: 5060 } as const
  let stored: Binding[] = []
  let taken = 0
  const startedAtMs = threadCpuMs()
  for (let run = 1; run <= runs; run++) {
    const random = randomOf(run * 2654435761)
    const fields: Record<string, string> = { ...always, ...seeds[random(seeds.length)] }
    const names = Object.keys(fields)
    for (let count = 1 + random(2); count > 0; count--) {
      const name = names[random(names.length)] as string
      fields[name] = mutate(fields[name] as string, random)
    }
    const request = requestOf(fields)
    const tags = unknownRequirements(request)
    if (tags.length > 20 || tags.some((tag) => !/^[\w.!%*`'~+-]{1,64}$/.test(tag)))
      t.fail(`run ${run}: ${tags.join()}`)
    const register = readRegister(request)
    if (typeof register === 'string') continue
    const next = applyRegister(stored, register, { rules, flow, nowMs: run, shorten: 0.1 })
    if (typeof next === 'string') continue
    taken++
    stored = random(3) === 0 ? [] : next
    const { path } = register
    const answer = registerAnswerHeaders(next, run, { path, outbound: { flowTimerS: 25 }, serviceRoute: [] })
    const contacts = splitList(answer['Contact'] ?? '')
    const text = Object.values(answer).join('\n')
    const sound =
      contacts?.length === next.length &&
      contacts.every((contact, index) => parseNameAddr(contact)?.uri === next[index]?.contactUri) &&
      (path.length === 0 || splitList(answer['Path'] ?? '')?.length === path.length) &&
      text.length < 60_000 &&
      !/[^\P{Cc}\n]/u.test(text)
    if (!sound) t.fail(`run ${run} of ${JSON.stringify(fields)} is answered ${text.slice(0, 2000)}`)
  }
  t.ok(taken > runs / 20, `${taken} of ${runs} were taken`)
  const tookMs = threadCpuMs() - startedAtMs
  t.ok(tookMs < 20_000, `${runs} took ${Math.round(tookMs)} ms`)
})
