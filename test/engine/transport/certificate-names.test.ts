import type { X509Certificate } from 'node:crypto'
import { X509Certificate as Certificate } from 'node:crypto'
import t from 'tap'
import { coversName, namesOf, speaksFor } from '#src/engine/transport/certificate-names.ts'
import { makeCa } from '#test/support/certificates.ts'

void t.test('a wildcard covers one label, the leftmost (RFC 6125 6.4.3)', (t) => {
  const table: [string, string, boolean][] = [
    ['sbc.example.org', 'SBC.Example.org', true],
    ['sbc.example.org', 'sbc.example.org.', true],
    ['*.example.org', 'sbc.example.org', true],
    ['*.example.org', 'a.sbc.example.org', false],
    ['*.example.org', 'example.org', false],
    ['*.example.org', '.example.org', false],
    ['*.org', 'example.org', false],
    ['*', 'example.org', false],
    ['s*.example.org', 'sbc.example.org', false],
    ['sbc.example.org', 'xsbc.example.org', false],
  ]
  for (const [pattern, name, covers] of table)
    t.equal(coversName(pattern, name), covers, `${pattern} ${name}`)
  t.end()
})

void t.test('names come from a real certificate', async (t) => {
  const ca = await makeCa('Root')
  const { certificatePem } = await ca.issue({
    names: ['SBC.example.org', '*.example.net'],
    ips: ['192.0.2.1', '2001:db8::1'],
  })
  const names = namesOf(new Certificate(certificatePem))
  t.same(names.dns, ['sbc.example.org', '*.example.net'])
  t.ok(speaksFor(names, 'sbc.example.org'))
  t.ok(speaksFor(names, 'x.example.net'))
  t.ok(speaksFor(names, '192.0.2.1'))
  t.ok(speaksFor(names, '2001:db8:0:0::1'))
  t.notOk(speaksFor(names, '192.0.2.2'))
  t.notOk(speaksFor(names, 'root'))
})

void t.test('the common name counts only where there is no subjectAltName (RFC 5922 7.1)', (t) => {
  const certificate = (subject: string, subjectAltName: string | undefined): X509Certificate =>
    ({ subject, subjectAltName }) as X509Certificate
  t.same(namesOf(certificate('O=X\nCN=SBC.example.org', undefined)).dns, ['sbc.example.org'])
  t.same(namesOf(certificate('CN=sbc.example.org', 'IP Address:192.0.2.1')).dns, [])
  t.same(namesOf(certificate('CN=192.0.2.1', undefined)).dns, [])
  t.same(
    namesOf(certificate('CN=x', 'URI:sip:example.org, URI:sip:user@example.com, URI:https://x.org')).dns,
    ['example.org'],
  )
  // Node quotes a value that holds the separator; it must not turn into a second name.
  t.same(namesOf(certificate('CN=x', 'DNS:"a.org, DNS:sip.example.org", DNS:b.org')).dns, ['b.org'])
  t.same(namesOf(certificate('CN=x', 'URI:"http://x/, DNS:sip.example.org"')).dns, [])
  t.end()
})
