import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { RequestFolder as BoxSide } from '#src/host/requests/request-folder.ts'
import type { Machine, Outcome } from '#src/host-agent/machine.ts'
import { RequestFolder } from '#src/host-agent/request-folder.ts'
import { serveRequests } from '#src/host-agent/serve-requests.ts'

class FakeMachine implements Machine {
  readonly calls: string[] = []
  outcome: Outcome = { ok: true }
  onReboot: () => void = () => undefined
  reboot = () => {
    this.onReboot()
    return this.#call('reboot')
  }
  markForReset = () => this.#call('markForReset')
  setNetwork = (network: object) => this.#call(`setNetwork ${JSON.stringify(network)}`)
  setBans = (bans: object) => this.#call(`setBans ${JSON.stringify(bans)}`)
  setTimeZone = async (timeZone: string): Promise<Outcome> => {
    if (timeZone === 'Broken') throw new Error('the disk is full')
    return this.#call(`setTimeZone ${timeZone}`)
  }

  async #call(text: string): Promise<Outcome> {
    this.calls.push(text)
    return this.outcome
  }
}

function prepare(t: Test) {
  const path = mkdtempSync(join(tmpdir(), 'branchline-serve-'))
  const folder = RequestFolder.open(path)
  t.teardown(() => {
    folder[Symbol.dispose]()
    rmSync(path, { recursive: true, force: true })
  })
  const machine = new FakeMachine()
  const said: string[] = []
  return {
    path,
    machine,
    said,
    ask: (name: string, value: unknown) => writeFileSync(join(path, `${name}.json`), JSON.stringify(value)),
    answer: (name: string): unknown => JSON.parse(readFileSync(join(path, `${name}.result.json`), 'utf8')),
    serve: () => serveRequests({ folder, machine, say: (text) => void said.push(text) }),
  }
}

t.test('each request is acted on once and answered', async (t) => {
  const { ask, answer, serve, machine, path } = prepare(t)
  ask('time', { timeZone: 'Europe/Berlin' })
  ask('network', { mode: 'dhcp' })
  t.equal(await serve(), 2)
  t.strictSame(machine.calls, ['setNetwork {"ntp":[]}', 'setTimeZone Europe/Berlin'])
  t.strictSame([answer('time'), answer('network')], [{ ok: true }, { ok: true }])
  t.strictSame(readdirSync(path).sort(), ['network.result.json', 'time.result.json'])
  t.equal(await serve(), 0, 'nothing is left')
})

t.test('a refused request reaches no machine', async (t) => {
  const { ask, answer, serve, machine, said } = prepare(t)
  ask('network', { mode: 'dhcp', interface: '../../etc' })
  await serve()
  t.strictSame(machine.calls, [])
  t.match(answer('network'), { ok: false, error: /interface/ })
  t.notMatch(said.join(), /etc/)
})

t.test('what the machine could not do, and what broke, is said in a sentence', async (t) => {
  const { ask, answer, serve, machine } = prepare(t)
  ask('time', { timeZone: 'Broken' })
  await serve()
  t.match(answer('time'), { ok: false, error: /the disk is full/ })
  machine.outcome = { ok: false, error: 'There is no such port.' }
  ask('network', { mode: 'dhcp' })
  await serve()
  t.strictSame(answer('network'), { ok: false, error: 'There is no such port.' })
})

t.test('the answer is there before the machine goes down; a reset goes down as well', async (t) => {
  for (const name of ['reboot', 'factory-reset']) {
    const { ask, answer, serve, machine, path } = prepare(t)
    machine.onReboot = () => {
      t.strictSame(answer(name), { ok: true })
      t.notOk(existsSync(join(path, `${name}.json`)), 'and cannot be served again')
    }
    ask(name, { reason: 'test' })
    await serve()
    t.strictSame(machine.calls, name === 'reboot' ? ['reboot'] : ['markForReset', 'reboot'])
  }
})

t.test('a machine that refuses to reboot is not said to reboot', async (t) => {
  const { ask, answer, serve, machine } = prepare(t)
  machine.outcome = { ok: false, error: 'No.' }
  ask('reboot', { reason: 'test' })
  await serve()
  t.strictSame(answer('reboot'), { ok: false, error: 'No.' })
})

t.test('the box’s own side and this one understand each other', async (t) => {
  const { path, serve, machine } = prepare(t)
  const box = new BoxSide({ folder: path, clock: systemClock, logger: silentLogger })
  const asked = box.ask('network', {
    mode: 'static',
    address: '192.0.2.10',
    prefixLength: 24,
    gateway: null,
    dns: [],
  })
  while ((await serve()) === 0) await new Promise((resolve) => setImmediate(resolve))
  await asked
  t.match(machine.calls[0], /192\.0\.2\.10/)
  const refused = box.ask('time', { timeZone: '../x' })
  while ((await serve()) === 0) await new Promise((resolve) => setImmediate(resolve))
  await t.rejects(refused, { code: 'HOST_FAILED', message: /The time zone must be/ })
})
