import { XMLParser, XMLValidator } from 'fast-xml-parser'
import t from 'tap'
import {
  executeCommands,
  formattedScreen,
  inputScreen,
  statusMessage,
  textScreen,
} from '#src/devices/screens/yealink-xml.ts'

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  trimValues: false,
  parseTagValue: false,
  parseAttributeValue: false,
})

function read(body: string): Record<string, unknown> {
  t.equal(XMLValidator.validate(body), true)
  return parser.parse(body) as Record<string, unknown>
}

t.test('a formatted screen with a code, keys and a countdown', async (t) => {
  const screen = formattedScreen(
    [
      { text: 'Go to https://login.example/device', size: 'small' },
      { text: 'ABC-DEF', size: 'large', align: 'center' },
      { text: '14:59 left' },
    ],
    {
      keys: [
        { label: 'Refresh', uri: 'https://192.0.2.10/s/T/sign-in.xml?now=1&x=2' },
        { label: 'Cancel', uri: 'SoftKey:Exit' },
      ],
      refresh: { afterS: 5, url: 'https://192.0.2.10/s/T/sign-in.xml' },
      timeoutS: 900,
      cancelUrl: 'https://192.0.2.10/s/T/cancel',
    },
  )
  t.equal(screen.contentType, 'text/xml; charset=utf-8')
  t.equal(screen.headers?.['refresh'], '5; URL=https://192.0.2.10/s/T/sign-in.xml')
  t.equal(screen.headers?.['cache-control'], 'no-store')
  t.match(read(screen.body), {
    YealinkIPPhoneFormattedTextScreen: {
      '@Timeout': '900',
      '@Beep': 'no',
      '@cancelAction': 'https://192.0.2.10/s/T/cancel',
      Line: [
        { '#text': 'Go to https://login.example/device', '@Size': 'small' },
        { '#text': 'ABC-DEF', '@Size': 'large', '@Align': 'center' },
        { '#text': '14:59 left', '@Size': 'normal' },
      ],
      SoftKey: [
        { '@index': '1', Label: 'Refresh', URI: 'https://192.0.2.10/s/T/sign-in.xml?now=1&x=2' },
        { '@index': '2', Label: 'Cancel', URI: 'SoftKey:Exit' },
      ],
    },
  })
  t.ok(screen.body.includes('now=1&amp;x=2'))
})

t.test('the other screens', async (t) => {
  t.match(read(textScreen({ title: 'Sign in', text: 'Not allowed.' }, { beep: true }).body), {
    YealinkIPPhoneTextScreen: { '@Beep': 'yes', Title: { '#text': 'Sign in' }, Text: 'Not allowed.' },
  })
  const field = { type: 'number', prompt: 'Code:', parameter: 'code', secret: true } as const
  t.match(read(inputScreen({ title: 'Enrol', url: 'https://h/e?a=1', fields: [field] }).body), {
    YealinkIPPhoneInputScreen: {
      URL: 'https://h/e?a=1',
      InputField: { '@type': 'number', '@password': 'yes', Prompt: 'Code:', Parameter: 'code' },
    },
  })
  t.match(read(statusMessage({ session: 'box', text: '2 new messages' }, { timeoutS: 60 }).body), {
    YealinkIPPhoneStatus: { '@SessionID': 'box', '@Timeout': '60', Message: { '#text': '2 new messages' } },
  })
  t.match(read(executeCommands(['Dial:*50*', 'https://h/?a=1&b=2']).body), {
    YealinkIPPhoneExecute: { ExecuteItem: [{ '@URI': 'Dial:*50*' }, { '@URI': 'https://h/?a=1&b=2' }] },
  })
})

t.test('texts that look like XML, or cannot be XML, harm nothing', async (t) => {
  const texts = [
    '</Text><SoftKey index="1"><Label>x</Label><URI>http://evil/</URI></SoftKey><Text>',
    '<![CDATA[x]]>',
    ']]>',
    '&lt; &amp; &#10; &xxe;',
    '<!-- x --> <?php ?>',
    `"'><`,
  ]
  for (const text of texts) {
    const body = textScreen({ title: text, text }, { keys: [{ label: text, uri: text }] }).body
    t.match(read(body), { YealinkIPPhoneTextScreen: { Text: text, Title: { '#text': text } } }, text)
  }
  const unwritable = textScreen({ title: 'a\u0000b\u0008c', text: 'x\ud800y\ufffez\n\u2028w' }).body
  t.equal(XMLValidator.validate(unwritable), true)
  t.notMatch(unwritable, /[\u0000-\u0009\u000b-\u001f\ud800-\udfff\ufffe]/u)
  t.ok(Buffer.byteLength(textScreen({ title: 'x', text: '<'.repeat(50_000) }).body) < 10_000)
})

t.test('at most four keys, and addresses that no XML can hold are refused', async (t) => {
  const keys = Array.from({ length: 6 }, (_, index) => ({ label: `${index}`, uri: 'SoftKey:Exit' }))
  t.equal(textScreen({ title: 'x', text: 'y' }, { keys }).body.match(/<SoftKey /g)?.length, 4)
  for (const uri of ['', 'https://h/\n', 'https://h/\u0000', ' https://h/']) {
    t.throws(() => executeCommands([uri]), { code: 'INTERNAL' }, JSON.stringify(uri))
  }
  t.throws(() => textScreen({ title: 'x', text: 'y' }, { refresh: { afterS: 1, url: 'h\r\nX: y' } }))
})
