import t from 'tap'
import { maskMessage } from '#src/engine/trace/mask-message.ts'
import { message, sampleSdp, sampleSecrets } from './sample-call.ts'

const secretCodes = ['*55*']

function masked(bytes: Buffer | string, reveal = {}): string {
  const raw = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  const result = maskMessage(raw, secretCodes, reveal)
  if (result.length !== raw.length) throw new Error(`${raw.length} bytes became ${result.length}`)
  return result.toString('latin1')
}

const dialog = { callId: 'c1', cseq: '1 INVITE' }

/** A line or body, what must be gone, and what must still stand. */
const cases: { name: string; text: string; gone: string[]; stays: string[] }[] = [
  {
    name: 'digest credentials',
    text: 'Authorization: Digest username="201", realm="b", nonce="n1", uri="sip:b", response="s3cr3tdigest", cnonce="s3cr3tnonce", nc=00000001, qop=auth, algorithm=MD5',
    gone: ['s3cr3t'],
    stays: ['username="201"', 'realm="b"', 'nonce="n1"', 'nc=00000001', 'algorithm=MD5'],
  },
  {
    name: 'credentials folded over lines, in odd case and spacing',
    text: 'pROXY-aUTHORIZATION :  DIGEST username="201",\r\n\tresponse =\r\n "s3cr3t",\r\n cnonce=s3cr3t',
    gone: ['s3cr3t'],
    stays: ['username="201"'],
  },
  {
    name: 'a quoted value without its end',
    text: 'Authorization: Digest response="s3cr3t',
    gone: ['s3cr3t'],
    stays: [],
  },
  {
    name: 'an unknown parameter',
    text: 'Authorization: Digest username="u", x-key="s3cr3t"',
    gone: ['s3cr3t'],
    stays: ['username="u"'],
  },
  {
    name: 'Basic and Bearer',
    text: 'Authorization: Basic dXNlcjpzM2NyM3Q=\r\nX: 1',
    gone: ['dXNlcjpz'],
    stays: ['Basic', 'X: 1'],
  },
  {
    name: 'Bearer',
    text: 'Proxy-Authorization: Bearer eyJhbGciOi.s3cr3t',
    gone: ['eyJh', 's3cr3t'],
    stays: ['Bearer'],
  },
  {
    name: 'Authentication-Info',
    text: 'Authentication-Info: nextnonce="s3cr3t", qop=auth, rspauth="s3cr3t", nc=00000001',
    gone: ['s3cr3t'],
    stays: ['qop=auth', 'nc=00000001'],
  },
  {
    name: 'credentials behind a lone CR',
    text: 'Subject: a\rAuthorization: Basic s3cr3ts3cr3t',
    gone: ['s3cr3t'],
    stays: ['Subject: a'],
  },
  {
    name: 'a field without a colon',
    text: 'Authorization Digest response="s3cr3t"',
    gone: ['s3cr3t'],
    stays: [],
  },
  {
    name: 'Basic, folded by a lone CR',
    text: 'Authorization: Basic\r s3cr3t',
    gone: ['s3cr3t'],
    stays: ['Basic'],
  },
  {
    name: 'a parameter broken off by a lone CR',
    text: 'Authorization: Digest username="u", response\r="s3cr3t"',
    gone: ['s3cr3t'],
    stays: ['username="u"'],
  },
  {
    name: 'credentials that are no parameters',
    text: 'Authorization: Digest s3cr3t username="u" s3cr3t, realm="r"',
    gone: ['s3cr3t'],
    stays: ['username="u"', 'realm="r"'],
  },
  {
    name: 'a harmless value whose quotes never close',
    text: 'Authorization: Digest username="u, x-key=s3cr3t',
    gone: ['s3cr3t'],
    stays: ['Digest username='],
  },
  {
    name: 'a field and a parameter inside an address',
    text: 'Refer-To: <sip:x@b?Authorization=Digest%20response%3D%22s3cr3t%22>\r\nCall-Info: <http://h/?token=s3cr3t>',
    gone: ['s3cr3t'],
    stays: ['Refer-To: <sip:x@b?Authorization=', 'http://h/?token='],
  },
  {
    name: 'Identity',
    text: 'Identity: eyJs3cr3t.eyJs3cr3t.s3cr3t;info=<https://x/>;alg=ES256',
    gone: ['s3cr3t'],
    stays: ['Identity: '],
  },
  { name: 'Identity in short', text: 'y: s3cr3t', gone: ['s3cr3t'], stays: ['y: '] },
  {
    name: 'a header of a name that says it',
    text: 'X-Api-Key: s3cr3t\r\nX-Auth-Token: s3cr3t\r\nX-Auth: s3cr3t',
    gone: ['s3cr3t'],
    stays: ['X-Api-Key: '],
  },
  {
    name: 'a password in a URI',
    text: 'Contact: <sip:201:s3cr3t@192.0.2.1:5060;transport=tls>',
    gone: ['s3cr3t'],
    stays: ['sip:201:', '@192.0.2.1:5060;transport=tls'],
  },
  {
    name: 'a password behind a parameter of the user, and a long one',
    text: `Contact: <sip:201;phone-context=x:s3cr3t@b>\r\nTo: <sip:201:${'s3cr3t'.repeat(50)}@b>;tag=1`,
    gone: ['s3cr3t'],
    stays: ['sip:201;phone-context=x:', 'sip:201:', '@b>;tag=1'],
  },
  {
    name: 'the token of a configuration file',
    text: 'Alert-Info: <http://192.0.2.1:8080/bAbCdEfGhIjKlMnOpQrStUvWx/001565aabb02.cfg>',
    gone: ['bAbCdEfGhIjKlMnOpQrStUvWx'],
    stays: ['http://192.0.2.1:8080/', '/001565aabb02.cfg'],
  },
  {
    name: 'an enrolment code',
    text: 'To: <sip:*55*98765432@b>;tag=1',
    gone: ['98765432'],
    stays: ['sip:*55*', '@b>;tag=1'],
  },
  {
    name: 'an enrolment code, escaped',
    text: 'To: <sip:%2A55%2a98765432%23@b>',
    gone: ['98765432'],
    stays: ['@b>'],
  },
  {
    name: 'an enrolment code with the digits of its prefix escaped, and with separators',
    text: 'To: <sip:%2A%35%35%2A98765432@b>\r\nFrom: <sip:*55*9876-5432@b>;tag=1',
    gone: ['98765432', '5432'],
    stays: ['@b>;tag=1'],
  },
  { name: 'other codes stay', text: 'To: <sip:*33*0301234@b>', gone: [], stays: ['*33*0301234'] },
  {
    name: 'ports, times and tags stay',
    text: 'Via: SIP/2.0/TLS h:5061;branch=z9;rport',
    gone: [],
    stays: ['h:5061;branch=z9;rport'],
  },
]

t.test('header fields: what is secret is gone, what helps stays, not a byte more or less', async (t) => {
  for (const { name, text, gone, stays } of cases) {
    const result = masked(`INVITE sip:x@b SIP/2.0\r\n${text}\r\nCSeq: 1 INVITE\r\n\r\n`)
    for (const secret of gone) t.notOk(result.includes(secret), `${name}: ${secret} is gone`)
    for (const kept of stays) t.ok(result.includes(kept), `${name}: ${kept} stays`)
    t.ok(result.endsWith('CSeq: 1 INVITE\r\n\r\n'), `${name}: the rest stands`)
  }
  t.equal(cases.length, 25)
})

const bodies: {
  name: string
  type: string
  body: string
  gone: string[]
  stays: string[]
  method?: string
}[] = [
  {
    name: 'keys in a description',
    type: 'application/sdp',
    body: `${sampleSdp}a=ice-pwd:s3cr3t\r\na=ice-ufrag:u1\r\nk=clear:s3cr3t\r\na=crypto:2 AES s3cr3twithoutinline\r\na=crypto:3 AES inline: s3cr3t\r\na=crypto:4 AES inline:|s3cr3t\r\n`,
    gone: [sampleSecrets[2] as string, 's3cr3t'],
    stays: ['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:', '|2^20|1:32', 'a=ice-ufrag:u1', 'm=audio 20000'],
  },
  {
    name: 'a key press',
    type: 'application/dtmf-relay',
    body: 'Signal=7\r\nDuration=160\r\n',
    gone: ['Signal=7'],
    stays: ['Signal=*', 'Duration=160'],
    method: 'INFO',
  },
  { name: 'a bare key press', type: 'application/dtmf', body: '7', gone: ['7'], stays: [], method: 'INFO' },
  {
    name: 'a picture request',
    type: 'application/media_control+xml',
    body: '<picture_fast_update/>',
    gone: [],
    stays: ['<picture_fast_update/>'],
    method: 'INFO',
  },
  {
    name: 'a text',
    type: 'text/plain',
    body: 'see you\r\nat the s3cr3t place',
    gone: ['s3cr3t', 'see'],
    stays: ['\r\n'],
    method: 'MESSAGE',
  },
  {
    name: 'settings as XML, JSON and lines',
    type: 'application/xml',
    body: '<a password="s3cr3t"><SipPassword>s3cr3t</SipPassword><pwd><![CDATA[<s3cr3t>]]></pwd><ip>1</ip></a>{"authToken": "s3cr3t"}\r\nuser.password = s3cr3t\r\n',
    gone: ['s3cr3t'],
    stays: ['<ip>1</ip>', 'password="'],
    method: 'NOTIFY',
  },
  {
    name: 'key presses as KPML',
    type: 'application/kpml-response+xml',
    body: '<kpml-response code="200" digits="1234"/>',
    gone: ['1234'],
    stays: ['code="200"'],
    method: 'NOTIFY',
  },
  {
    name: 'a message in a message',
    type: 'message/sipfrag',
    body: 'INVITE sip:*55*98765432@b SIP/2.0\r\nAuthorization: Digest username="u", response="s3cr3t"\r\n',
    gone: ['98765432', 's3cr3t'],
    stays: ['username="u"'],
    method: 'NOTIFY',
  },
  {
    name: 'a description among others',
    type: 'multipart/mixed;boundary=x',
    body: `--x\r\nContent-Type: application/sdp\r\n\r\n${sampleSdp}--x--\r\n`,
    gone: [sampleSecrets[2] as string],
    stays: ['--x--'],
  },
]

t.test('bodies', async (t) => {
  for (const { name, type, body, gone, stays, method = 'INVITE' } of bodies) {
    const head = `${method} sip:x@b SIP/2.0\r\nCSeq: 1 ${method}\r\nContent-Type: ${type}\r\n\r\n`
    const result = masked(head + body).slice(head.length)
    for (const secret of gone) t.notOk(result.includes(secret), `${name}: ${secret} is gone`)
    for (const kept of stays) t.ok(result.includes(kept), `${name}: ${kept} stays`)
  }
  const answer = 'SIP/2.0 200 OK\r\nCSeq: 7 INFO\r\nContent-Type: text/plain\r\n\r\n5'
  t.ok(masked(answer).endsWith('\r\n\r\n*'), 'an answer is judged by what it answers')
  t.equal(bodies.length, 9)
})

t.test('a message that is cut within a secret shows no part of it', async (t) => {
  for (const end of [
    'Contact: <sip:201:s3cr',
    'Authorization: Digest username="u", response="s3cr',
    'To: <sip:*55*s3cr',
    '\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:s3cr',
    '\r\n<password>s3cr',
  ])
    t.notMatch(masked(`REGISTER sip:b SIP/2.0\r\nCSeq: 1 REGISTER\r\n${end}`), /s3cr/, end)
})

t.test('a body that is packed goes whole', async (t) => {
  const head = 'INFO sip:x@b SIP/2.0\r\nCSeq: 1 INFO\r\nContent-Type: application/sdp\r\ne: gzip\r\n\r\n'
  t.equal(masked(`${head}\x1f\x8bs3cr3t`), `${head}********`)
})

t.test('empty lines before a message do not hide what it is (RFC 3261 7.5)', async (t) => {
  for (const [method, body] of [
    ['INFO', 'Signal=7\r\nDuration=160\r\n'],
    ['MESSAGE', 's3cr3t 7'],
  ] as const) {
    const raw = `\r\n\r\n${method} sip:x@b SIP/2.0\r\nCSeq: 1 ${method}\r\n\r\n${body}`
    t.notMatch(masked(raw), /7$|Signal=7|s3cr3t/, method)
  }
})

t.test('the rest of a message whose length was wrong has its secrets masked as well', async (t) => {
  const rest = masked(`${sampleSdp}REGISTER sip:b SIP/2.0\r\nCSeq: 1 REGISTER\r\n\r\n`)
  t.notOk(rest.includes(sampleSecrets[2] as string), 'a description where a head should be')
  t.ok(rest.includes('|2^20|1:32'))
  t.equal(masked('Signal=5\r\nDuration=160\r\n\r\n'), 'Signal=*\r\nDuration=160\r\n\r\n', 'a key press')
  const shown = masked(`${sampleSdp}\r\n`, { sdpKeys: true })
  t.ok(shown.includes(sampleSecrets[2] as string), 'shown when asked for')
})

t.test('media keys are shown when asked for, and nothing else is', async (t) => {
  const raw = message(
    'INVITE sip:x@b SIP/2.0',
    dialog,
    ['Authorization: Digest response="s3cr3t"'],
    `${sampleSdp}a=ice-pwd:s3cr3t\r\n`,
  )
  const result = masked(raw, { sdpKeys: true })
  t.ok(result.includes(sampleSecrets[2] as string))
  t.notOk(result.includes('s3cr3t'))
})

t.test(
  'bytes that are no text stay as they are, and hostile ones cost no more than their length',
  async (t) => {
    const binary = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256))
    t.strictSame(maskMessage(binary, secretCodes), binary)
    const hostile = [
      'a'.repeat(65_000),
      `Authorization: Digest ${'a'.repeat(65_000)}`,
      `Authorization: Digest ${'a='.repeat(32_000)}`,
      `Authorization: Digest response=${' '.repeat(65_000)}`,
      'sip:a:'.repeat(10_900),
      'token-'.repeat(10_900),
      '<'.repeat(65_000),
      '<token '.repeat(9_000),
      'password='.repeat(7_000),
      `CSeq: 1 ${'A'.repeat(65_000)}1`,
      `INFO x SIP/2.0\r\n\r\n${'signal='.repeat(9_000)}`,
      `x: ${'\r\n '.repeat(20_000)}`,
      'https://'.repeat(8_000),
      '*55*'.repeat(16_000),
      '\r\n'.repeat(32_000),
      `c: application/sdp\r\n\r\n${'inline:'.repeat(9_000)}`,
      `a=crypto:${'inline: ;'.repeat(7_000)}`,
      'https://a:'.repeat(6_500),
      '<token><![CDATA['.repeat(4_000),
      '\r\nsignal'.repeat(8_000),
      ' signal '.repeat(8_000),
      'authoriz='.repeat(7_000),
      `Authorization: Digest ${'"'.repeat(65_000)}`,
      `e:${' '.repeat(65_000)}`,
    ]
    const asBody = hostile.map((text) => `NOTIFY x SIP/2.0\r\nc: x\r\n\r\n${text}`)
    for (const text of [...hostile, ...asBody]) {
      const before = process.cpuUsage()
      masked(text)
      const { user, system } = process.cpuUsage(before)
      const tookMs = (user + system) / 1000
      t.ok(tookMs < 400, `${text.slice(0, 24).trim()}… took ${tookMs.toFixed(0)} ms of CPU`)
    }
  },
)
