import t from 'tap'
import {
  canonicalName,
  compactForms,
  headerNameAt,
  isToken,
  lookUpHeaderName,
} from '#src/sip/header-names.ts'

void t.test('every compact form stands for its long form', (t) => {
  const forms = Object.entries(compactForms)
  t.equal(forms.length, 20)
  for (const [compact, long] of forms) {
    t.equal(canonicalName(compact), long)
    t.equal(canonicalName(compact.toUpperCase()), long)
  }
  t.end()
})

void t.test('known names get their canonical form whatever their case', (t) => {
  const table: [string, string][] = [
    ['call-id', 'Call-ID'],
    ['CALL-ID', 'Call-ID'],
    ['cseq', 'CSeq'],
    ['www-authenticate', 'WWW-Authenticate'],
    ['p-asserted-identity', 'P-Asserted-Identity'],
    ['mime-version', 'MIME-Version'],
    ['min-se', 'Min-SE'],
    ['rack', 'RAck'],
    ['sip-etag', 'SIP-ETag'],
  ]
  for (const [written, canonical] of table) t.equal(canonicalName(written), canonical)
  t.end()
})

void t.test('unknown names are capitalised, unless their writer mixed cases', (t) => {
  t.equal(canonicalName('x-my-header'), 'X-My-Header')
  t.equal(canonicalName('X-MY-HEADER'), 'X-My-Header')
  t.equal(canonicalName('X-MyHeader-ID'), 'X-MyHeader-ID')
  t.end()
})

void t.test('what is no token is no name', (t) => {
  for (const bad of ['', 'a b', 'a:b', 'a(b', 'ä', 'x'.repeat(129)]) {
    t.equal(lookUpHeaderName(bad), undefined, JSON.stringify(bad))
  }
  t.ok(isToken("!%*_+`'~-."))
  t.end()
})

void t.test('a flood of invented names does not displace the known ones', (t) => {
  for (let index = 0; index < 5000; index++) lookUpHeaderName(`x-invented-${index}`)
  t.equal(canonicalName('via'), 'Via')
  t.equal(canonicalName('x-invented-4999'), 'X-Invented-4999')
  t.end()
})

void t.test('a name is found where it stands, whatever was looked for before', (t) => {
  // Thousands of spellings meet in few places.
  const names = Array.from({ length: 5_000 }, (_, at) => `X-${(at * 7919).toString(36)}-Field`)
  for (let round = 0; round < 2; round++) {
    for (const name of [...names, 'Via', 'v', 'CALL-ID', 'Content-Length']) {
      const text = `junk${name}:${name}`
      const found = headerNameAt(text, 4, 4 + name.length)
      if (found?.name !== canonicalName(name)) t.equal(found?.name, canonicalName(name), name)
    }
  }
  t.equal(headerNameAt('a b: c', 0, 3), undefined, 'no token')
  t.equal(headerNameAt(': c', 0, 0), undefined, 'nothing')
  t.equal(headerNameAt(`${'y'.repeat(200)}:`, 0, 200), undefined, 'too long')
  t.end()
})
