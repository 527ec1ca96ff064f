import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FakeHost } from '#test/console/fake-host.ts'
import { PtyPair } from '#test/console/pty-pair.ts'
import { adminPassword, Box } from '#test/support/box.ts'
import { until } from '#test/support/until.ts'
import { addPhone } from './office.ts'

// A whole box with the lab tenant, the maintenance console on a real pty pair, the root side of the image acted out.

const menu = /Number and Enter: $/
const box = await Box.prepare({ lab: true })
const console1 = await new PtyPair(join(box.folder, 'ttyConsole')).plug()
const console2 = await new PtyPair(join(box.folder, 'ttySecond')).plug()
const host = new FakeHost(join(box.folder, 'requests'))
box.args.push('--console', console1.near, '--console', console2.near, '--host-requests', host.folder)
t.teardown(async () => {
  host.stop()
  await box.stop()
  await console1.pull()
  await console2.pull()
  box.remove()
})

/** Prints what a person saw, so that it can be read in the output of the test. */
function show(heading: string, text: string): void {
  t.comment(`--- ${heading} ---`)
  for (const line of text.replaceAll('\r', '').split('\n')) t.comment(line)
}

await t.test('the start of the console: where the page is, and the claim code', async (t) => {
  await box.start()
  const text = await console1.read(/Press Enter for the menu\. $/)
  show('banner', text)
  t.match(text, 'LAB: a stand-in for Microsoft 365 is in use')
  t.match(text, `https://127.0.0.1:${box.ports.https}`)
  const code = /Claim code: (\d{4}-\d{4})/.exec(text)?.[1]
  t.equal(code, await box.claimCode(), 'the code is the one that the box made')
  show('2 claim code', (await console1.type('', menu)) + (await console1.type('2', menu)))
  await box.logIn()
  await addPhone(box, 'Reception')
  t.match(await console1.type('2', menu), /The box has an owner, so there is no claim code/)
})

await t.test('1 status, with the next page on Enter', async (t) => {
  const first = await console1.type('1', /-- more: .*: $/)
  const rest = await console1.type('', menu)
  show('1 status', first + rest)
  for (const part of ['store', 'page', 'network', 'console', 'tenant', 'media', 'sip', 'calls'])
    t.match(first + rest, new RegExp(`^ {2}${part} +OK`, 'm'), part)
  t.match(first, /Running for +\d+ s/)
  t.ok(
    (first + rest).split('\r\n').every((line) => line.length <= 79),
    'every line fits on a terminal of 80 columns',
  )
})

await t.test('3 network: wrong answers are explained, a good one is tried and kept', async (t) => {
  const seen = [await console1.type('3', menu), await console1.type('2', /Address of the box.*: $/)]
  const answer = async (line: string, wanted: RegExp): Promise<void> => {
    seen.push(await console1.type(line, wanted))
  }
  await answer('300.1.1.1', /300\.1\.1\.1 is not an IPv4 address[^]*: $/)
  await answer('192.0.2.255/24', /is the broadcast address[^]*: $/)
  await answer('192.0.2.10', /Mask or prefix length.*: $/)
  await answer('255.255.0.255', /is no mask[^]*: $/)
  await answer('255.255.255.0', /Gateway, or none.*: $/)
  await answer('198.51.100.1', /is not in the network of 192\.0\.2\.10\/24[^]*: $/)
  await answer('192.0.2.1', /DNS servers.*: $/)
  await answer('192.0.2.53 192.0.2.54', /VLAN 1-4094.*: $/)
  await answer('4095', /The VLAN is 1 to 4094[^]*: $/)
  await answer('20', /Type yes: $/)
  await answer('yes', /Press y and Enter within 60 s to keep.*: $/)
  const wanted = {
    ...{ mode: 'static', vlan: 20, address: '192.0.2.10', prefixLength: 24 },
    ...{ gateway: '192.0.2.1', dns: ['192.0.2.53', '192.0.2.54'] },
  }
  t.match(host.of('network').at(-1), wanted, 'the host was asked')
  t.notOk(existsSync(join(box.dataDir, 'network.json')), 'not kept before somebody says so')
  t.match(await box.json('/api/network'), {
    supported: true,
    trial: { state: 'onTrial', configuration: wanted },
  })
  const overLoopback = await box.ask('/api/network/confirm', { body: {} })
  t.match(overLoopback.json(), { code: 'TRIAL_UNPROVEN' }, 'the page must ask over the new address')
  await answer('y', menu)
  show('3 network, kept', seen.join(''))
  t.match(JSON.parse(readFileSync(join(box.dataDir, 'network.json'), 'utf8')), wanted)
  t.match(await box.json('/api/network'), { configured: wanted, trial: null })
})

await t.test('3 network: taken back, refused by the machine, and two people at once', async (t) => {
  await console1.type('3', menu)
  await console1.type('1', /VLAN.*: $/)
  await console1.type('none', /Try Address by DHCP\? Type yes: $/)
  await console1.type('yes', /Press y and Enter.*: $/)
  t.match(host.of('network').at(-1), { mode: 'dhcp' })
  // The second console knows of it, and cannot begin another.
  await console2.type('', menu)
  t.match(await console2.type('3', menu), /On trial +Address by DHCP; \d+ s left/)
  const seen = await console1.type('n', menu)
  show('3 network, taken back', seen)
  t.match(seen, 'The network settings from before are back.')
  t.match(host.of('network').at(-1), { mode: 'static', vlan: 20 }, 'the confirmed one is in force again')
  t.match(await console2.read(menu), /The change was taken back/, 'the other console hears of it')

  host.answers.set('network', { error: 'The cable is not plugged in.' })
  await console1.type('3', menu)
  await console1.type('1', /VLAN.*: $/)
  await console1.type('', /Type yes: $/)
  t.match(await console1.type('yes', menu), /The cable is not plugged in\./)
  host.answers.delete('network')
  t.equal(host.of('network').length, 4, 'what the machine refused need not be put back')
  await console1.type('', menu)
})

await t.test('5 recent log: readable, masked, latest first', async (t) => {
  const first = await console1.type('5', /-- more: .*: $/)
  show('5 recent log', first)
  t.match(first, /a change of the network is tried/)
  t.match(await console1.type('', /-- more: .*: $/), /\d\d:\d\d:\d\d/)
  await console1.type('q', menu)
  t.notMatch(console1.text, adminPassword)
})

await t.test('8 help', async (t) => {
  const text = await console1.type('8', menu)
  show('8 help', text)
  t.match(text, '115,200 baud')
})

await t.test('a minute of garbage at full speed: the box is well, and so is the menu', async (t) => {
  const total = (115_200 / 10) * 60
  let sent = 0
  let slowestMs = 0
  let asks = 0
  const asking = (async () => {
    while (sent < total) {
      const startMs = performance.now()
      t.equal((await box.ask('/api/health')).json<{ state: string }>().state, 'ok')
      slowestMs = Math.max(slowestMs, performance.now() - startMs)
      asks++
      // The page takes 1,200 requests a minute.
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })()
  for (let block = 0; sent < total; block++) {
    const bytes = garbage(block, 4_096)
    await console1.send(bytes)
    sent += bytes.length
  }
  await asking
  t.ok(
    asks > 0 && slowestMs < 3_000,
    `${asks} health checks meanwhile, the slowest ${Math.round(slowestMs)} ms`,
  )
  const requests = host.asked.length
  // What is typed while the box draws the menu is dropped: each word waits for what only it brings up.
  await console1.read(/There was noise on the line; it was ignored\.\r\n[^]*(menu\. |: )$/)
  await console1.send('\x03')
  const drawn = /8 {2}Help\r\n[^]*Enter: $/
  const back = await console1.read(/8 {2}Help\r\n[^]*Enter: $|Press Enter for the menu\. $/)
  if (!drawn.test(back)) await console1.type('', drawn)
  show('after the garbage', await console1.type('2', /there is no claim code[^]*Enter: $/))
  t.equal(host.asked.length, requests, 'nothing was asked of the machine')
  t.comment(`${sent} bytes of garbage, ${asks} health checks, slowest ${Math.round(slowestMs)} ms`)
})

await t.test('the cable is pulled in the middle of a change and plugged in again', async (t) => {
  await console1.type('3', menu)
  await console1.type('2', /Address of the box.*: $/)
  await console1.pull()
  const waiting = await box.waitForHealth(
    ({ parts }) => parts.some(({ name, detail }) => name === 'console' && !detail.includes(console1.near)),
    30_000,
  )
  t.equal(waiting.state, 'ok', 'a box without a cable is well')
  t.match(await console2.type('', menu), /Status/, 'the other console goes on')
  console1.skip()
  await console1.plug()
  const text = await console1.read(/Press Enter for the menu\. $/, 30_000)
  show('plugged in again', text)
  t.notMatch(text, /Address of the box/, 'it begins anew')
  await console1.type('', menu)
})

await t.test('4 a forgotten password: the page takes the new claim code', async (t) => {
  const seen = [await console1.type('4', /Type reset and Enter to do it: $/)]
  seen.push(await console1.type('no', menu))
  t.match(seen.at(-1), 'Nothing was done.')
  t.equal((await box.ask('/api/devices')).status, 200, 'still logged in')
  seen.push(await console1.type('4', /Type reset.*: $/), await console1.type('reset', menu))
  const claim = await console1.type('2', menu)
  seen.push(claim)
  show('4 reset the password', seen.join(''))
  t.equal((await box.ask('/api/devices')).status, 401, 'logged out')
  t.equal((await box.ask('/api/login', { body: { password: adminPassword } })).status, 409)
  const code = /Claim code +(\d{4}-\d{4})/.exec(claim)?.[1]
  t.equal((await box.ask('/api/claim', { body: { code: '0000-0000', password: adminPassword } })).status, 403)
  t.equal((await box.ask('/api/claim', { body: { code, password: adminPassword } })).status, 200)
  await box.logIn()
  t.equal(
    (await box.json<{ devices: unknown[] }>('/api/devices')).devices.length,
    1,
    'the phone is still there',
  )
  const { entries } = await box.json<{ entries: { action: string; actor: string }[] }>('/api/audit')
  t.match(
    entries.find(({ action }) => action === 'admin.reset'),
    { actor: 'console' },
  )
})

await t.test('locked by the setting, the console asks for the admin password', async (t) => {
  const { etag } = await box.json<{ etag: string }>('/api/settings')
  const lock = (locked: boolean | null, ifMatch: string): Promise<{ etag: string }> =>
    box.json('/api/settings', {
      method: 'PATCH',
      body: { console: { locked } },
      headers: { 'if-match': `"${ifMatch}"` },
    })
  const locked = await lock(true, etag)
  await console2.type('q', /Press Enter for the menu\. $/)
  await console2.type('', /Admin password: $/)
  t.match(await console2.type('12345', /Press Enter for the menu\. $/), /The password is wrong\./)
  await console2.type('', /Admin password: $/)
  await console2.type(adminPassword, menu)
  await lock(null, locked.etag)
})

await t.test('6 the machine reboots, the program restarts', async (t) => {
  const seen = [await console1.type('6', menu), await console1.type('2', /Type yes and Enter to do it: $/)]
  seen.push(await console1.type('yes', /The machine reboots now.*\r\n/))
  t.match(host.of('reboot'), [{ reason: 'asked for on the console' }])
  t.match(await console1.type('', menu), /Status/, 'a machine that did not go gives the menu back')
  await console1.type('6', menu)
  await console1.type('1', /Type yes.*: $/)
  seen.push(await console1.type('yes', /The program restarts now.*\r\n/))
  seen.push(await console1.read(/The box is stopping\.[^]*Press Enter for the menu\. $/, 30_000))
  show('6 restart', seen.join(''))
  await box.waitForHealth(({ state }) => state === 'ok', 30_000)
  await until(() => host.of('network').length >= 5)
  t.match(host.of('network').at(-1), { mode: 'static', vlan: 20 }, 'the kept network is asked for again')
})

await t.test('7 factory reset on the image: typed twice, then the host is asked', async (t) => {
  await console1.type('', menu)
  const seen = [await console1.type('7', /Type factory reset to go on: $/)]
  seen.push(await console1.type('factory reset', /Once more, to be sure\.[^]*: $/))
  seen.push(await console1.type('factory', menu))
  t.strictSame(host.of('factory-reset'), [], 'not the same word twice: nothing is done')
  await console1.type('7', /to go on: $/)
  await console1.type('factory reset', /Once more[^]*: $/)
  seen.push(await console1.type('factory reset', /Everything is being erased.*\r\n/))
  show('7 factory reset', seen.join(''))
  t.match(host.of('factory-reset'), [{ reason: 'asked for on the console' }])
})

/** Random bytes that are the same in every run. */
function garbage(block: number, length: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < length; at += 64)
    parts.push(createHash('sha512').update(`garbage ${block} ${at}`).digest())
  return Buffer.concat(parts).subarray(0, length)
}
