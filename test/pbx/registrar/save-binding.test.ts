import t from 'tap'
import type { Binding } from '#src/model/binding.ts'
import { registerAnswerHeaders } from '#src/pbx/registrar/answer-register.ts'
import { challengeOrder } from '#src/pbx/registrar/challenge-order.ts'
import { readRegister, type RegisterRequest } from '#src/pbx/registrar/register-request.ts'
import { applyRegister, type RegisterRefusal } from '#src/pbx/registrar/save-binding.ts'
import type { IncomingRequest } from '#src/pbx/sip-port.ts'

const nowMs = 1_000_000
const rules = { minExpiresMs: 60_000, maxExpiresMs: 3_600_000, maxContacts: 3 }
const flow = { protocol: 'udp', host: '192.0.2.7', port: 5060 } as const

function message(fields: Record<string, string>): IncomingRequest {
  const all: Record<string, string> = {
    To: '<sip:line1@box>',
    'Call-ID': 'c1',
    CSeq: '1 REGISTER',
    ...fields,
  }
  return {
    method: 'REGISTER',
    uri: 'sip:box',
    body: '',
    protocol: 'udp',
    source_address: flow.host,
    source_port: flow.port,
    get: (name) => all[name],
    on: () => undefined,
  }
}

function register(current: Binding[], fields: Record<string, string>): Binding[] | RegisterRefusal {
  const request = readRegister(message(fields))
  if (typeof request === 'string') throw new Error(request)
  return applyRegister(current, request, { rules, flow, nowMs })
}

function bindings(result: Binding[] | RegisterRefusal): Binding[] {
  if (typeof result === 'string') throw new Error(result)
  return result
}

/** Contact URIs and remaining seconds. */
const brief = (result: Binding[] | RegisterRefusal): string[] =>
  bindings(result).map((binding) => `${binding.contactUri} ${(binding.expiresAtMs - nowMs) / 1000}`)

t.test('a contact gets the lifetime it asks for, within the limits (10.3 step 7)', async (t) => {
  const table: [Record<string, string>, string[]][] = [
    [{ Contact: '<sip:a@1.2.3.4>' }, ['sip:a@1.2.3.4 3600']],
    [{ Contact: '<sip:a@1.2.3.4>', Expires: '120' }, ['sip:a@1.2.3.4 120']],
    [{ Contact: '<sip:a@1.2.3.4>;expires=300', Expires: '120' }, ['sip:a@1.2.3.4 300']],
    [{ Contact: '<sip:a@1.2.3.4>;expires=99999999' }, ['sip:a@1.2.3.4 3600']],
    [{ Contact: '<sip:a@1.2.3.4>;expires=soon' }, ['sip:a@1.2.3.4 3600']],
    [{ Contact: 'sip:a@1.2.3.4;expires=60' }, ['sip:a@1.2.3.4 60']],
    [
      { Contact: '<sip:a@1.2.3.4>, "B, C" <sip:b@1.2.3.4>;expires=90' },
      ['sip:a@1.2.3.4 3600', 'sip:b@1.2.3.4 90'],
    ],
    [{ Contact: '<sip:a@1.2.3.4>;expires=0' }, []],
    [{}, []],
  ]
  for (const [fields, expected] of table)
    t.same(brief(register([], fields)), expected, JSON.stringify(fields))
})

t.test('too brief is refused as a whole, an hour and more never is', async (t) => {
  t.equal(register([], { Contact: '<sip:a@1.2.3.4>;expires=59' }), 'too-brief')
  t.equal(register([], { Contact: '<sip:a@1.2.3.4>;expires=600, <sip:b@1.2.3.4>;expires=1' }), 'too-brief')
  const request = readRegister(message({ Contact: '<sip:a@1.2.3.4>;expires=3600' })) as RegisterRequest
  const strict = { ...rules, minExpiresMs: 7_200_000 }
  t.not(applyRegister([], request, { rules: strict, flow, nowMs }), 'too-brief')
})

t.test('refresh, several contacts, unregister', async (t) => {
  const first = bindings(register([], { Contact: '<sip:a@1.2.3.4>' }))
  const second = bindings(register(first, { Contact: '<sip:b@1.2.3.5>', CSeq: '2 REGISTER' }))
  t.same(brief(second), ['sip:a@1.2.3.4 3600', 'sip:b@1.2.3.5 3600'])
  const refreshed = register(second, {
    Contact: '<sip:A@1.2.3.4>, <sip:a@1.2.3.4>;expires=90',
    CSeq: '3 REGISTER',
  })
  t.same(
    brief(refreshed),
    ['sip:b@1.2.3.5 3600', 'sip:A@1.2.3.4 3600', 'sip:a@1.2.3.4 90'],
    'user parts are case-sensitive',
  )
  t.same(brief(register(second, { Contact: '<sip:b@1.2.3.5>;expires=0', CSeq: '4 REGISTER' })), [
    'sip:a@1.2.3.4 3600',
  ])
  t.same(register(second, { Contact: '*', Expires: '0', CSeq: '5 REGISTER' }), [])
  const equal = register(first, { Contact: '<sip:a@1.2.3.4;foo=bar>', CSeq: '2 REGISTER' })
  t.equal(bindings(equal).length, 1, 'equal by RFC 3261 19.1.4')
})

t.test('within one Call-ID only a higher CSeq counts, a new Call-ID always does', async (t) => {
  const current = bindings(register([], { Contact: '<sip:a@1.2.3.4>', CSeq: '5 REGISTER' }))
  t.equal(register(current, { Contact: '<sip:a@1.2.3.4>', CSeq: '5 REGISTER' }), 'out-of-order')
  t.equal(register(current, { Contact: '<sip:a@1.2.3.4>;expires=0', CSeq: '4 REGISTER' }), 'out-of-order')
  t.equal(register(current, { Contact: '*', Expires: '0', CSeq: '4 REGISTER' }), 'out-of-order')
  t.same(
    brief(register(current, { Contact: '<sip:a@1.2.3.4>;expires=70', CSeq: '1 REGISTER', 'Call-ID': 'c2' })),
    ['sip:a@1.2.3.4 70'],
  )
  t.equal(bindings(register(current, { Contact: '<sip:b@1.2.3.4>', CSeq: '5 REGISTER' })).length, 2)
})

t.test('the same phone at a new address replaces its contact', async (t) => {
  const instance = ';+sip.instance="<urn:uuid:1>"'
  const old = bindings(register([], { Contact: `<sip:a@1.2.3.4>${instance}` }))
  t.equal(old[0]?.instanceId, 'urn:uuid:1')
  const moved = { Contact: `<sip:a@5.6.7.8>${instance}`, 'Call-ID': 'c2' }
  t.same(brief(register(old, moved)), ['sip:a@5.6.7.8 3600'])
  const two = {
    Contact: `<sip:a@5.6.7.8>${instance}, <sip:a@5.6.7.8;transport=tcp>${instance}`,
    'Call-ID': 'c2',
  }
  t.equal(bindings(register(old, two)).length, 2, 'two contacts of one request do not replace each other')
})

t.test('two phones with one private address are two, one phone after a reset is one', async (t) => {
  const at = (instance: string, callId: string): Record<string, string> => ({
    Contact: `<sip:a@192.168.1.10:5060>;+sip.instance="<${instance}>"`,
    'Call-ID': callId,
  })
  const first = bindings(register([], at('urn:uuid:1', 'c1')))
  const elsewhere = first.map((binding) => ({ ...binding, flow: { ...flow, host: '198.51.100.1' } }))
  t.equal(bindings(register(elsewhere, at('urn:uuid:2', 'c2'))).length, 2, 'behind two NATs')
  t.equal(bindings(register(first, at('urn:uuid:2', 'c2'))).length, 1, 'over one flow')
  t.equal(bindings(register(first, { Contact: '<sip:a@192.168.1.10:5060>', 'Call-ID': 'c2' })).length, 1)
})

t.test('a flow is known by instance and reg-id, its address does not matter (RFC 5626 6)', async (t) => {
  const at = (uri: string, regId: number | string, cseq: number): Record<string, string> => ({
    Contact: `<${uri}>;+sip.instance="<urn:uuid:1>";reg-id=${regId}`,
    Supported: 'outbound',
    'Call-ID': `flow${regId}`,
    CSeq: `${cseq} REGISTER`,
  })
  const one = bindings(register([], at('sip:a@1.1.1.1', 1, 1)))
  const two = bindings(register(one, at('sip:a@1.1.1.1', 2, 1)))
  t.same(
    two.map(({ regId }) => regId),
    [1, 2],
    'one address, two flows',
  )
  const moved = bindings(register(two, at('sip:a@9.9.9.9', 1, 2)))
  t.same(
    moved.map(({ regId, contactUri }) => `${regId} ${contactUri}`),
    ['2 sip:a@1.1.1.1', '1 sip:a@9.9.9.9'],
  )
  t.equal(register(moved, at('sip:a@9.9.9.9', 1, 2)), 'out-of-order', 'each with a sequence of its own')
  for (const bad of ['0', '4294967296', '-1', 'x', '']) {
    t.match(register([], at('sip:a@1.1.1.1', bad, 1)), [{ regId: undefined }], `reg-id=${bad}`)
  }
})

t.test('a shortened time is whole seconds and never below the shortest', async (t) => {
  const granted = (expires: number, shorten: number): number => {
    const request = readRegister(
      message({ Contact: `<sip:a@1.2.3.4>;expires=${expires}` }),
    ) as RegisterRequest
    const [binding] = bindings(applyRegister([], request, { rules, flow, nowMs, shorten }))
    return ((binding?.expiresAtMs ?? 0) - nowMs) / 1000
  }
  t.equal(granted(1000, 0), 1000)
  t.equal(granted(1000, 0.0999), 901)
  t.equal(granted(99999, 0.5), 1800, 'of what would be granted')
  t.equal(granted(61, 0.5), 60)
  const gone = readRegister(message({ Contact: '<sip:a@1.2.3.4>;expires=0' })) as RegisterRequest
  t.same(applyRegister([], gone, { rules, flow, nowMs, shorten: 0.5 }), [])
})

t.test('the limit of contacts refuses more, never less', async (t) => {
  const full = bindings(register([], { Contact: '<sip:a@1.1.1.1>, <sip:b@1.1.1.1>, <sip:c@1.1.1.1>' }))
  t.equal(register(full, { Contact: '<sip:d@1.1.1.1>', CSeq: '2 REGISTER' }), 'too-many-contacts')
  t.equal(bindings(register(full, { Contact: '<sip:c@1.1.1.1>;expires=60', CSeq: '2 REGISTER' })).length, 3)
  const over = full.concat(bindings(register([], { Contact: '<sip:e@1.1.1.1>, <sip:f@1.1.1.1>' })))
  t.equal(bindings(register(over, { Contact: '<sip:a@1.1.1.1>;expires=0', CSeq: '2 REGISTER' })).length, 4)
})

t.test('a malformed REGISTER is named, not guessed at', async (t) => {
  const table: [Record<string, string>, RegExp][] = [
    [{ Contact: '*' }, /\*/],
    [{ Contact: '*', Expires: '60' }, /\*/],
    [{ Contact: '*, <sip:a@1.2.3.4>', Expires: '0' }, /\*/],
    [{ Contact: '<sip:a@1.2.3.4' }, /Contact/],
    [{ Contact: '"open <sip:a@1.2.3.4>' }, /Contact/],
    [{ Contact: '<mailto:a@b>' }, /Contact/],
    [{ Contact: '<tel:+49>' }, /Contact/],
    [{ Contact: '<sip:>' }, /Contact/],
    [{ Contact: `<sip:${'a'.repeat(1100)}@1.2.3.4>` }, /Contact/],
    [{ Contact: Array.from({ length: 61 }, (_, index) => `<sip:a${index}@1.1.1.1>`).join(',') }, /Contact/],
    [{ To: '<sip:box>' }, /To/],
    [{ To: 'nonsense' }, /To/],
    [{ CSeq: 'REGISTER' }, /CSeq/],
  ]
  for (const [fields, expected] of table) {
    const result = readRegister(message(fields))
    t.match(result, expected, JSON.stringify(fields).slice(0, 60))
  }
})

t.test('the 200 lists every contact with the time left, rounded up, and the date', async (t) => {
  const current = bindings(
    register([], {
      Contact: '<sip:a@1.2.3.4>;q=0.5;+sip.instance="<urn:uuid:1>", <sip:b@1.2.3.4>;expires=61',
    }),
  )
  t.same(registerAnswerHeaders(current, nowMs + 500), {
    Date: 'Thu, 01 Jan 1970 00:16:40 GMT',
    Contact: '<sip:a@1.2.3.4>;q=0.5;expires=3600;+sip.instance="<urn:uuid:1>", <sip:b@1.2.3.4>;expires=61',
  })
  t.same(Object.keys(registerAnswerHeaders([], nowMs)), ['Date'])
})

t.test('stacks that cannot read two challenges get the one they know', async (t) => {
  const usual = ['SHA-256', 'MD5'] as const
  t.same(challengeOrder('Yealink SIP-T46S 66.86.0.15', usual), ['SHA-256', 'MD5'])
  t.same(challengeOrder('baresip v1.0.0 (x86_64/linux)', usual), ['MD5'])
  t.same(challengeOrder('SIPp load', usual), ['MD5'])
  t.same(challengeOrder(undefined, usual), ['MD5', 'SHA-256'])
  const all = ['SHA-512-256', 'SHA-256', 'MD5'] as const
  t.same(challengeOrder('Linphonec/5.1.65', all), ['SHA-256', 'MD5'])
  t.same(challengeOrder('LinphoneAndroid/5.2.1 (Pixel) LinphoneSDK/5.3', all), ['SHA-256', 'MD5'])
  t.same(challengeOrder(' ', ['SHA-512-256', 'SHA-256', 'MD5']), ['MD5', 'SHA-256', 'SHA-512-256'])
  t.same(challengeOrder('Phone', ['SHA-512-256', 'MD5']), ['SHA-512-256', 'MD5'], 'as the admin wants it')
  t.same(
    challengeOrder('SIPp load', ['SHA-512-256', 'SHA-256']),
    ['SHA-512-256', 'SHA-256'],
    'never what is off',
  )
})
