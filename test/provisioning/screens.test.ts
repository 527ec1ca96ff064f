import { XMLValidator } from 'fast-xml-parser'
import t from 'tap'
import { TestProvisioning } from './provisioning-fixture.ts'

const mac = '805ec0a1b2c3'

/** A phone, and what its display shows for a page of its own folder. */
async function startWithDisplay(t: ConstructorParameters<typeof TestProvisioning>[0]) {
  const box = new TestProvisioning(t)
  const { own } = await box.plugIn(mac)
  const [line] = box.store.lines.list()
  box.signIn.pending.expiresAtMs = box.clock.nowMs() + 15 * 60_000
  const show = async (page: string): Promise<string> => {
    const answer = await box.askSecure(`${own}${page}`)
    if (answer?.status !== 200) throw new Error(`${page}: ${answer?.status}`)
    if (XMLValidator.validate(answer.body) !== true) throw new Error(`no XML: ${answer.body}`)
    return `${answer.headers['refresh'] ?? ''} ${answer.body}`
  }
  return { box, own, lineId: line?.id ?? '', show }
}

t.test('the Sign-in key shows address, code and time, and looks again by itself', async (t) => {
  const { box, own, lineId, show } = await startWithDisplay(t)
  const first = await show('sign-in.xml')
  t.match(first, 'https://login.example/device')
  t.match(first, 'ABCD-EFGH')
  t.match(first, 'Good for 15:00')
  t.match(first, `5; URL=https://box.example:8443${own}sign-in.xml?step=look`)
  box.clock.advance(61_000)
  t.match(await show('sign-in.xml?step=look'), 'Good for 13:59')
  t.equal(box.signIn.actions.length, 1, 'looking starts nothing')
  box.clock.advance(15 * 60_000)
  t.match(await show('sign-in.xml?step=look'), 'not good any more')

  await show('sign-in.xml?step=cancel')
  t.match(box.signIn.actions, [`begin ${lineId} phone:bl`, `cancel ${lineId}`])
})

t.test('the outcome is said: who it is, or why not, until a key is pressed', async (t) => {
  const { box, lineId, show } = await startWithDisplay(t)
  await show('sign-in.xml')
  const text = 'Nora <Neumann> & Co may not call from SIP phones.'
  box.signIn.statuses.set(lineId, { state: 'failed', code: 'SIGN_IN_NOT_ALLOWED', text })
  t.match(await show('sign-in.xml?step=look'), 'Nora &lt;Neumann&gt; &amp; Co may not call')
  t.match(await show('sign-in.xml?step=look'), 'Nora', 'it stays')
  box.signInOn(mac, 'Anna')
  t.match(await show('sign-in.xml?step=look'), 'Signed in as Anna.')
  t.match(await show('sign-in.xml'), 'Signed in as Anna.')
})

t.test('a tenant that cannot be reached is said with what to do', async (t) => {
  const { box, show } = await startWithDisplay(t)
  box.signIn.unreachable = true
  t.match(await show('sign-in.xml'), /cannot be reached\. Check the internet connection\./)
})

t.test('signing out asks first', async (t) => {
  const { box, lineId, show } = await startWithDisplay(t)
  t.match(await show('sign-out.xml'), 'Nobody is signed in')
  box.signInOn(mac, 'Anna')
  t.match(await show('sign-out.xml'), 'Sign Anna out of this phone?')
  t.notOk(box.signIn.actions.some((action) => action.startsWith('signOut')))
  t.match(await show('sign-out.xml?step=yes'), 'Signed out.')
  t.match(box.signIn.actions.at(-1), `signOut ${lineId} phone:bl`)
})

t.test('only a GET presses a key', async (t) => {
  const { box, own } = await startWithDisplay(t)
  const head = (page: string) => box.askSecure(`${own}${page}`, { method: 'HEAD' })
  t.equal((await head('sign-in.xml'))?.status, 404)
  box.signInOn(mac, 'Anna')
  t.equal((await head('sign-out.xml?step=yes'))?.status, 404)
  t.strictSame(box.signIn.actions, [])
})

t.test('the words follow the language of the site', async (t) => {
  const { box, show } = await startWithDisplay(t)
  box.settings.site.language = 'de-DE'
  t.match(await show('sign-in.xml'), 'und diesen Code eingeben:')
  box.settings.site.language = 'fi'
  t.match(await show('sign-in.xml'), 'and enter this code:')
})

t.test(
  'a phone that is looking is woken when the outcome comes; one that is not is left alone',
  async (t) => {
    const { box, lineId, show } = await startWithDisplay(t)
    await box.register(mac)
    await box.settle()
    box.pbx.notified.length = 0
    const pushed = (): string[] => box.pbx.notified.filter((line) => line.includes('Yealink-xml'))
    await show('sign-in.xml')
    box.signIn.emit('signInFailed', { lineId, code: 'SIGN_IN_FAILED', text: 'No.' })
    await box.settle()
    t.equal(pushed().length, 1)
    box.signIn.emit('signInFailed', { lineId, code: 'SIGN_IN_FAILED', text: 'No.' })
    await box.settle()
    t.equal(pushed().length, 1, 'once per look')
    await show('sign-in.xml')
    box.clock.advance(60_000)
    box.signInOn(mac, 'Anna')
    await box.settle()
    t.equal(pushed().length, 1, 'the display shows something else by now')
  },
)

t.test(
  'the address of the pages, which is the token, crosses the network protected or not at all',
  async (t) => {
    const { box, lineId, show } = await startWithDisplay(t)
    await box.register(mac, '192.0.2.10', 'udp')
    await box.settle()
    box.pbx.notified.length = 0
    await show('sign-in.xml')
    box.signIn.emit('signInFailed', { lineId, code: 'SIGN_IN_FAILED', text: 'No.' })
    await box.settle()
    t.strictSame(box.pbx.notified, [], 'it looks again by itself')
  },
)

t.test('pages are for the device’s own token, over HTTPS', async (t) => {
  const { box, own } = await startWithDisplay(t)
  t.equal((await box.ask(`${own}sign-in.xml`))?.status, 404)
  t.equal((await box.ask('/sign-in.xml'))?.status, 404)
  t.equal((await box.askSecure(`${own}sign-off.xml`))?.status, 404)
  t.strictSame(box.signIn.actions, [])
})
