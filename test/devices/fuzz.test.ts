import t from 'tap'
import { seenUserAgents } from '#src/devices/evidence/user-agents.ts'
import { identifyDevice } from '#src/devices/identify.ts'
import { filesOf, renderFile } from '#src/devices/render.ts'
import { textScreen } from '#src/devices/screens/yealink-xml.ts'
import { XMLValidator } from 'fast-xml-parser'
import { makeView, readYealinkFile } from './view.ts'

/** Numbers below a limit, the same in every run (xorshift32). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const alphabet = [
  ...' \t\r\n\0"\'`<>&%#=;:.,/\\-_()[]{}$*+?^|~09afAFzZ',
  ...['\u0085', '\u2028', '\u202e', '\u0666', '\uff16', '\ud800', '\u{1f600}', '\ufeff', '..', '%NULL%'],
]

function mutate(text: string, below: (limit: number) => number): string {
  let result = text
  for (let edits = 1 + below(3); edits > 0; edits--) {
    const at = below(result.length + 1)
    const piece = alphabet[below(alphabet.length)] ?? ''
    const cut = below(3)
    result = result.slice(0, at) + (below(2) === 0 ? piece : '') + result.slice(at + cut)
  }
  return result
}

t.test('whatever becomes of a device’s texts, what is read from them is well-formed', async (t) => {
  const below = numbersFrom(20261122)
  const texts = [
    ...seenUserAgents,
    ...['/a/001565aabbcc.boot', '/y000000000066.cfg', '/CP-8841-3PCC.xml', 'mac=001565aabbcc'],
  ]
  let identified = 0
  for (let round = 0; round < 20_000; round++) {
    const text = mutate(texts[round % texts.length] ?? '', below)
    const device = identifyDevice({
      userAgent: text,
      path: text,
      query: text,
      certificateSubject: text,
      pnp: { uri: text, vendor: 'yealink', model: text, version: text },
    })
    if (!device) continue
    identified++
    const { mac, model, firmware } = device
    if (mac !== undefined && !/^[0-9a-f]{12}$/.test(mac)) t.fail(`MAC ${mac} from ${JSON.stringify(text)}`)
    if (model !== undefined && !/^[A-Za-z0-9][A-Za-z0-9 _-]{1,24}$/.test(model)) {
      t.fail(`model ${model} from ${JSON.stringify(text)}`)
    }
    if (firmware !== undefined && !/^[0-9A-Za-z._+-]{1,48}$/.test(firmware)) {
      t.fail(`firmware ${firmware} from ${JSON.stringify(text)}`)
    }
  }
  t.ok(identified > 1000 && identified < 15_000, `${identified} of 20,000 were still recognised`)
})

t.test('whatever people call things, files and screens stay files and screens', async (t) => {
  const below = numbersFrom(4711)
  const files = filesOf({ family: 'yealink', mac: '001565aabbcc', model: 'T46S' }).slice(2)
  const keys = files.map((fileName) => [...read(fileName, 'Anna').keys()])
  for (let round = 0; round < 500; round++) {
    let name = ''
    for (let length = below(40); length > 0; length--) name += alphabet[below(alphabet.length)] ?? ''
    for (const [index, fileName] of files.entries()) {
      t.same([...read(fileName, name).keys()], keys[index])
    }
    if (XMLValidator.validate(textScreen({ title: name, text: name }).body) !== true) {
      t.fail(`no XML from ${JSON.stringify(name)}`)
    }
  }
})

function read(fileName: string, name: string): Map<string, string> {
  const line = {
    username: 'line7k2m',
    password: 'secret',
    label: name,
    displayName: name,
    signedIn: { displayName: name, number: '+49305550101' },
  }
  const view = makeView('full', { lines: [line], device: { label: name }, configVersion: name })
  return readYealinkFile(renderFile({ fileName, family: 'yealink' }, view)?.body ?? '')
}
