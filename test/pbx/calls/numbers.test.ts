import t from 'tap'
import { dialledDigits, dialledText, isEmergency, toE164 } from '#src/pbx/calls/numbers.ts'

t.test('the user part of a Request-URI is read as it was dialled', async (t) => {
  const table: [string, string | undefined][] = [
    ['sip:+4930123@box', '+4930123'],
    ['sip:*50*@192.0.2.1:5060;transport=tls', '*50*'],
    ['sip:*33*030123%23@box', '*33*030123#'],
    ['sip:030123;phone-context=+49@box;user=phone', '030123'],
    ['sips:anna@box', 'anna'],
    ['tel:+49-30-123', '+49-30-123'],
    ['tel:112;phone-context=example.org', '112'],
    ['sip:user:secret@box', 'user'],
    ['sip:%zz@box', '%zz'],
    ['sip:box', undefined],
    ['sip:192.0.2.1:5060', undefined],
    ['mailto:anna@box', undefined],
    ['urn:service:sos', 'urn:service:sos'],
    ['urn:service:SOS.fire', 'urn:service:sos'],
    ['urn:service:sosial', undefined],
    ['sip:a%0d%0aVia:%20x@box', undefined],
    ['sip:%00@box', undefined],
    [`sip:${'1'.repeat(129)}@box`, undefined],
    ['sip:anonymous@anonymous.invalid', 'anonymous'],
    ['sip:@box', undefined],
    ['sip:a?b@box', undefined],
  ]
  for (const [uri, expected] of table) t.equal(dialledText(uri), expected, uri)
})

t.test('numbers of a country become E.164', async (t) => {
  const table: [string, string, string | undefined][] = [
    ['030 5550-1001', 'DE', '+493055501001'],
    ['+493055501001', 'DE', '+493055501001'],
    ['+49 (30) 5550 1001', 'DE', '+493055501001'],
    ['00493055501001', 'DE', '+493055501001'],
    ['(415) 555-2671', 'US', '+14155552671'],
    ['0114930123456', 'US', '+4930123456'],
    ['020 7946 0018', 'GB', '+442079460018'],
    ['12', 'DE', undefined],
    ['+0301', 'DE', undefined],
    ['+1234567890123456', 'DE', undefined],
    ['anna', 'DE', undefined],
    ['*50*', 'DE', undefined],
    ['', 'DE', undefined],
  ]
  for (const [text, country, expected] of table)
    t.equal(toE164(text, country), expected, `${text} in ${country}`)
})

t.test('only digits with separators count as a number', async (t) => {
  t.equal(dialledDigits('0 30-12'), '03012')
  t.equal(dialledDigits('+49.30'), '+4930')
  t.equal(dialledDigits('03012#'), '03012', 'the key that ends dialling')
  t.equal(dialledDigits('#'), undefined)
  t.equal(dialledDigits('30x'), undefined)
  t.equal(dialledDigits(''), undefined)
})

t.test('a call for help is known however it was dialled', async (t) => {
  const known = ['112', '1 1 2', '112#', '+112', '0112', '9911', '0110', 'urn:service:sos']
  for (const text of known)
    t.ok(
      isEmergency(text, ['112', '110', '911'], () => false),
      text,
    )
  const others = ['1120', '030112', '+49112', '011200000', '*112', '8112', '11', '', 'anna']
  for (const text of others)
    t.notOk(
      isEmergency(text, ['112', '110', '911'], () => false),
      text,
    )
  t.notOk(
    isEmergency('9110', ['110'], () => true),
    'an extension',
  )
  t.ok(
    isEmergency('110', ['110'], () => true),
    'nobody can have the number itself',
  )
})
