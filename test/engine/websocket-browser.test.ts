import t from 'tap'
import type { BrowserPhones } from '#test/peers/jssip.ts'
import { openBrowserPhones } from '#test/peers/jssip.ts'
import { makeCa } from '#test/support/certificates.ts'
import { portOf, startTestEngine } from '#test/support/start-engine.ts'
import { ask } from './support/ask.ts'

declare global {
  var phones: BrowserPhones
}

void t.test('JsSIP in Chromium registers, chats and calls over WS and WSS', async (t) => {
  const ca = await makeCa('Browser Root')
  const certificate = await ca.issue({ names: ['localhost'], ips: ['127.0.0.1'] })
  const { engine, srf } = await startTestEngine(t, {
    listen: [
      { protocol: 'ws', host: '127.0.0.1', port: 0, path: '/sip' },
      {
        protocol: 'wss',
        host: '127.0.0.1',
        port: 0,
        tls: { fallback: certificate, byName: [], trust: [] },
      },
    ],
  })
  const bindings = new Map<string, { contact: string; hop: string }>()
  const seen: string[] = []
  const statuses: number[] = []
  srf.use('register', (req, res) => {
    const name = /sip:(\w+)@/.exec(req.get('To'))?.[1] ?? ''
    const contact = /<([^>]+)>/.exec(req.get('Contact'))?.[1] ?? ''
    const hop = `sip:${req.source_address}:${req.source_port};transport=${req.protocol}`
    bindings.set(name, { contact, hop })
    seen.push(`${name} ${req.protocol} ${/^SIP\/2\.0\/(\w+) [\w.]+\.invalid/.exec(req.get('Via'))?.[1]}`)
    res.send(200, { headers: { Contact: req.get('Contact'), Expires: '600' } })
  })
  const bindingOf = (uri: string) =>
    bindings.get(/sip:(\w+)@/.exec(uri)?.[1] ?? '') ?? { contact: '', hop: '' }
  srf.use('message', (req, res) => {
    const { contact, hop } = bindingOf(req.uri)
    const headers = { 'Content-Type': 'text/plain' }
    void ask(srf, contact, { method: 'MESSAGE', proxy: hop, headers, body: req.body }).then(({ status }) => {
      statuses.push(status)
      res.send(status)
    })
  })
  const calls: string[] = []
  srf.invite((req, res) => {
    void srf
      .createB2BUA(req, res, bindingOf(req.uri).contact, {
        proxy: bindingOf(req.uri).hop,
        localSdpB: req.body,
      })
      .then(({ uas, uac }) => {
        uas.other = uac
        uac.other = uas
        for (const leg of [uas, uac]) {
          leg.on('destroy', () => {
            calls.push('ended')
            void leg.other?.destroy()
          })
        }
      })
  })

  const page = await openBrowserPhones(t)
  const ws = `ws://127.0.0.1:${portOf(engine, 'ws')}/sip`
  const wss = `wss://127.0.0.1:${portOf(engine, 'wss')}/anything`
  t.equal(await page.evaluate((url) => phones.register('alice', url, 'box.test', 'x'), ws), 200)
  t.equal(await page.evaluate((url) => phones.register('bob', url, 'box.test', 'x'), wss), 200)
  t.same(seen, ['alice ws WS', 'bob wss WSS'], 'their Via names a host that does not exist')

  t.equal(await page.evaluate(() => phones.message('alice', 'sip:bob@box.test', 'Grüße 🙂')), 200)
  t.same(await page.evaluate(() => phones.incoming('bob')), ['Grüße 🙂'])

  const call = await page.evaluate(() => phones.call('alice', 'bob', 'sip:bob@box.test'))
  t.same(call, { media: 'connected', cause: 'Terminated' })
  t.same(calls, ['ended'], 'the BYE of the called side reached the caller')

  await page.evaluate(() => phones.stop('bob'))
  while ((engine.counters().connectionsOpen ?? 0) > 1) await new Promise((resolve) => setImmediate(resolve))
  const started = performance.now()
  await t.rejects(
    page.evaluate(() => phones.message('alice', 'sip:bob@box.test', 'gone?')),
    /Unavailable/,
  )
  t.ok(performance.now() - started < 2000, 'a closed flow fails at once, not after timer F')
})
