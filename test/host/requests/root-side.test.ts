import { existsSync, watch } from 'node:fs'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { done, refuse, type Machine, type Outcome } from '#src/host-agent/machine.ts'
import { RequestFolder as RootFolder } from '#src/host-agent/request-folder.ts'
import { serveRequests } from '#src/host-agent/serve-requests.ts'
import { findHost } from '#src/host/requests/host-control.ts'

/** The box's side and the root side of the image, in one folder; only the machine is acted out. */
function start(t: Test, outcome: Outcome = done) {
  const folder = t.testdir()
  const asked: unknown[] = []
  const note = async (what: unknown): Promise<Outcome> => {
    asked.push(what)
    return outcome
  }
  const machine: Machine = {
    reboot: () => note('reboot'),
    markForReset: () => note('markForReset'),
    setNetwork: (network) => note(network),
    setTimeZone: (timeZone) => note(timeZone),
    setBans: (bans) => note(bans),
  }
  // As branchline-host.path does: the root side is woken, serves what lies there, and ends.
  let turn = Promise.resolve()
  const serve = async (): Promise<void> => {
    if (!existsSync(folder)) return
    using root = RootFolder.open(folder)
    await serveRequests({ folder: root, machine, say: () => undefined })
  }
  const watcher = watch(folder, () => {
    turn = turn.then(serve)
  })
  t.teardown(async () => {
    watcher.close()
    await turn
  })
  const own = { dataDir: folder, restart: () => undefined, startAnew: () => undefined }
  const host = findHost({ folder, ...own, clock: systemClock, logger: silentLogger })
  return { host, asked }
}

t.test('what the box asks for is what the root side understands', async (t) => {
  const { host, asked } = start(t)
  const signal = new AbortController().signal
  await host.network?.apply({ mode: 'dhcp' }, signal)
  await host.network?.apply({ mode: 'dhcp', interface: 'eth1', vlan: 7 }, signal)
  const fixed = { address: '192.0.2.10', prefixLength: 24, gateway: null, dns: ['192.0.2.53'] }
  await host.network?.apply({ mode: 'static', ...fixed, vlan: 4094 }, signal)
  await host.control.setTimeZone('Europe/Berlin')
  const bans = {
    flush: true,
    ban: [{ address: '203.0.113.9', reach: 'udp' as const, seconds: 600 }],
    lift: [],
  }
  await host.firewall?.change(bans)
  await host.control.reboot('a test')
  t.match(asked, [
    { interface: undefined, vlan: undefined, static: undefined },
    { interface: 'eth1', vlan: 7, static: undefined },
    { vlan: 4094, static: fixed },
    'Europe/Berlin',
    { flush: true, ban: [{ address: '203.0.113.9', reach: 'udp', seconds: 600 }], lift: [] },
  ])
})

t.test('its refusals reach whoever asked', async (t) => {
  const { host } = start(t, refuse('The machine has no wired network port.'))
  await t.rejects(host.network?.apply({ mode: 'dhcp' }, new AbortController().signal) ?? Promise.resolve(), {
    code: 'HOST_FAILED',
    message: 'The machine has no wired network port.',
    details: { untouched: true },
  })
  // Sent by something that checks less than the box does.
  const bad = { mode: 'static', address: '192.0.2.0', prefixLength: 24, gateway: null, dns: [] } as const
  await t.rejects(
    host.network?.apply({ ...bad, dns: [] }, new AbortController().signal) ?? Promise.resolve(),
    {
      message: /must be an IPv4 address that a host may have/,
    },
  )
})
