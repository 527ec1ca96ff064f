import t from 'tap'
import type { DeviceView } from '#src/devices/device-view.ts'
import { comment, formatSettings, plainText } from '#src/devices/render/cfg-text.ts'
import { filesOf, renderFile } from '#src/devices/render.ts'
import { makeView, readYealinkFile } from './view.ts'

const family = 'yealink'

function render(view: DeviceView): Map<string, string>[] {
  return filesOf({ family, mac: view.device.mac, model: view.device.model })
    .filter((name) => name.endsWith('.cfg'))
    .map((fileName) => readYealinkFile(renderFile({ fileName, family }, view)?.body ?? ''))
}

/** Texts by which a person, or a directory, could try to add a setting. */
const hostile: Record<string, string> = {
  'line feed': 'Anna\nsip.trust_ctrl = 0',
  'carriage return': 'Anna\rsip.trust_ctrl = 0',
  both: 'Anna\r\nsip.trust_ctrl = 0\r\n',
  'vertical tab and form feed': 'Anna\u000bsip.trust_ctrl = 0\u000cx',
  'next line': 'Anna\u0085sip.trust_ctrl = 0',
  'line separator': 'Anna\u2028sip.trust_ctrl = 0',
  'paragraph separator': 'Anna\u2029sip.trust_ctrl = 0',
  NUL: 'Anna\u0000sip.trust_ctrl = 0',
  comment: '# Anna',
  'equals sign': 'Anna = sip.trust_ctrl = 0',
  'magic word': '%NULL%',
  'another magic word': '%EMPTY%',
  include: '\ninclude:config "http://evil/x.cfg"',
  quotes: '"; include:config "x',
  'right-to-left override': 'Anna\u202e0 = lrtc_tsurt.pis',
  'very long': 'A'.repeat(100_000),
  'only control characters': '\u0001\u0002\u0003',
  'lone surrogate': 'Anna\ud800',
}

t.test('a name or a label cannot add, end or change another setting', async (t) => {
  const [line] = makeView('full').lines
  if (!line) throw new TypeError('no line')
  const honest = render(makeView('full'))
  for (const [name, text] of Object.entries(hostile)) {
    const view = makeView('full', {
      device: { label: text, location: text, firmware: text },
      lines: [{ ...line, label: text, displayName: text, signedIn: { displayName: text, number: text } }],
      configVersion: text,
    })
    const files = render(view)
    t.equal(files.length, honest.length)
    for (const [index, settings] of files.entries()) {
      t.same([...settings.keys()], [...(honest[index]?.keys() ?? [])], `${name}: the same settings`)
      t.notOk(
        [...settings.values()].some((value) => value.length > 100),
        `${name}: none is long`,
      )
    }
    const account = files[1] ?? new Map<string, string>()
    t.equal(files[0]?.get('sip.trust_ctrl'), '1', name)
    t.notMatch(account.get('account.1.label'), /^%EMPTY/)
  }
})

t.test('a secret or an address that cannot be written is refused, not repaired', async (t) => {
  const [line] = makeView('full').lines
  if (!line) throw new TypeError('no line')
  const broken: Partial<DeviceView>[] = [
    { lines: [{ ...line, password: 'a\nb = c' }] },
    { lines: [{ ...line, password: ' blank in front' }] },
    { lines: [{ ...line, username: '%NULL%' }] },
    { adminPassword: 'a\u0085b' },
    { provisioningUrl: 'https://192.0.2.10/\nx = 1' },
    { pageUrl: 'https://192.0.2.10/\u2028' },
  ]
  for (const change of broken) {
    t.throws(() => render(makeView('full', change)), { code: 'INVALID' }, Object.keys(change).join())
  }
  const error = (() => {
    try {
      return render(makeView('full', { adminPassword: 'se\ncret' }))
    } catch (thrown) {
      return thrown
    }
  })()
  t.notMatch(JSON.stringify(error) + String(error), 'cret', 'the refusal does not repeat the secret')
})

t.test('settings are written once and by name', async (t) => {
  t.equal(
    formatSettings([
      ['a.b', 1],
      ['a.c', undefined],
    ]),
    'a.b = 1\na.c = %NULL%\n',
  )
  t.throws(
    () =>
      formatSettings([
        ['a.b', 1],
        ['a.b', 2],
      ]),
    { code: 'INTERNAL' },
  )
  t.throws(() => formatSettings([['a b', 1]]), { code: 'INTERNAL' })
  t.throws(() => formatSettings([['a.b\n', 1]]), { code: 'INTERNAL' })
  t.equal(formatSettings([['a.b', '']]), 'a.b = %NULL%\n', 'an empty line would be no value')
})

t.test('texts of people stay readable', async (t) => {
  t.equal(plainText('  Anna\t Schmidt '), 'Anna Schmidt')
  t.equal(plainText('Zoë Ångström 李'), 'Zoë Ångström 李')
  t.equal(plainText('100 %'), '100 %')
  t.equal(plainText('😀😀😀', 2), '😀😀', 'never half a character')
  t.equal(comment('a\nb'), '# a b\n')
})
