import { copyFileSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PtyPair } from '#test/console/pty-pair.ts'
import { Box } from '#test/support/box.ts'
import { until } from '#test/support/until.ts'
import { addPhone } from './office.ts'

// A box on somebody's machine, not on the image: factory reset wipes its data, and its console works in rescue.

const menu = /Number and Enter: $/
const box = await Box.prepare({ lab: false })
const terminal = await new PtyPair(join(box.folder, 'ttyConsole')).plug()
box.args.push('--console', terminal.near)
const foreign = join(box.dataDir, 'letter-to-grandma.txt')
const outside = join(box.folder, 'outside')
const database = join(box.dataDir, 'branchline.db')
t.teardown(async () => {
  await box.stop()
  await terminal.pull()
  box.remove()
})

interface PhoneList {
  devices: unknown[]
}

async function factoryReset(): Promise<void> {
  await terminal.type('7', /Type factory reset to go on: $/)
  await terminal.type('factory reset', /Once more, to be sure\.[^]*: $/)
  await terminal.type('factory reset', /Everything is being erased.*\r\n/)
  await terminal.read(/The box is stopping\.[^]*Press Enter for the menu\. $/, 30_000)
}

await t.test('the network is the machine’s own and only shown', async (t) => {
  await box.start()
  await terminal.read(/Press Enter for the menu\. $/)
  await terminal.type('', menu)
  t.match(
    await terminal.type('3', /Enter for the menu: $/),
    /The operating system of this machine sets its network/,
  )
  t.match(await terminal.type('2', menu), /Status/, 'nothing can be changed')
  await box.logIn()
  t.match(await box.json('/api/network'), { supported: false, configured: null, trial: null })
  t.match((await box.ask('/api/network/trial', { body: { mode: 'dhcp' } })).json(), {
    code: 'HOST_UNSUPPORTED',
  })
})

await t.test('factory reset: a new box, with a new identity; what is not the box’s stays', async (t) => {
  await addPhone(box, 'Reception')
  writeFileSync(foreign, 'Dear grandma')
  writeFileSync(outside, 'far away')
  // A link where the box keeps a folder: it goes, what it leads to stays.
  symlinkSync(box.folder, join(box.dataDir, 'lab'))
  const before = { ca: box.caPem, key: readFileSync(join(box.dataDir, 'seal.key'), 'utf8') }
  await factoryReset()
  await box.waitForHealth(({ state }) => state === 'ok', 30_000)
  t.equal((await box.ask('/api/devices')).status, 401, 'the login is gone')
  t.not(box.caPem, before.ca, 'another certificate authority')
  t.not(readFileSync(join(box.dataDir, 'seal.key'), 'utf8'), before.key, 'another key')
  await terminal.type('', menu)
  const code = /Claim code +(\d{4}-\d{4})/.exec(await terminal.type('2', menu))?.[1]
  // The console serves before the box has said its last word.
  await until(() => box.said.includes(`Claim code: ${code}`))
  t.equal(code, await box.claimCode(), 'the code of the new box')
  await box.logIn()
  t.strictSame((await box.json<PhoneList>('/api/devices')).devices, [])
  t.equal(readFileSync(foreign, 'utf8'), 'Dear grandma')
  t.equal(readFileSync(outside, 'utf8'), 'far away')
  t.notOk(existsSync(join(box.dataDir, 'lab')))
})

await t.test('the page asks for the password and the words', async (t) => {
  const reset = (body: unknown): ReturnType<Box['ask']> => box.ask('/api/host/factory-reset', { body })
  const password = 'not the password'
  t.match((await reset({ password, confirmation: 'yes' })).json(), {
    code: 'INVALID',
    details: { field: 'confirmation' },
  })
  t.match((await reset({ password, confirmation: 'Factory reset' })).json(), { code: 'PASSWORD_WRONG' })
  t.equal((await box.ask('/api/devices')).status, 200, 'the box is as it was')
})

await t.test(
  'a damaged store: the console says what is left and what to do, and can start anew',
  async (t) => {
    await box.stop()
    copyFileSync(database, join(box.folder, 'whole.db'))
    writeFileSync(database, Buffer.alloc(65_536, 'not a database '))
    rmSync(`${database}-wal`, { force: true })
    terminal.skip()
    box.launch()
    const banner = await terminal.read(/Press Enter for the menu\. $/, 30_000)
    t.notMatch(banner, /Claim code/, 'nobody can claim a box that has lost sight of its store')
    t.match(await terminal.type('', menu), /something is not running \(see 1\)/)
    const status = await terminal.type('1', /-- more: .*: $/)
    t.match(status, /^ {2}store +FAILED +The database is damaged\./m)
    t.match(status.replace(/\s+/g, ' '), 'To do: The damaged file was left as it is.')
    await terminal.type('q', menu)
    t.match(await terminal.type('2', menu), /The database is not running, so the box cannot be claimed/)
    t.match(await terminal.type('4', menu), /there is no password to reset/)
    t.match(await terminal.type('5', /(-- more: .*|Enter): $/), /The database is damaged/)
    await terminal.type('\x03', menu)
    await factoryReset()
    await box.waitForHealth(({ state }) => state === 'ok', 30_000)
    t.match(await terminal.type('', menu), /all parts are running/)
  },
)

await t.test('settings that cannot be used: the console works', async (t) => {
  await box.stop()
  const config = readFileSync(box.configFile, 'utf8')
  box.writeConfig(config.replace('"sip": {', '"sip": { "minExpiresS": "soon",'))
  terminal.skip()
  box.launch()
  await terminal.read(/Press Enter for the menu\. $/, 30_000)
  await terminal.type('', menu)
  t.match(await terminal.type('1', /-- more: .*: $/), /^ {2}settings +FAILED/m)
  await terminal.type('q', menu)
  t.match(await terminal.type('2', menu), /Claim code +\d{4}-\d{4}/)
})
