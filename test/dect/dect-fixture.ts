import { systemRandom } from '#src/base/random.ts'
import { createDect, type Dect } from '#src/dect/create-dect.ts'
import { ipeiCheckCharacter } from '#src/model/ipei.ts'
import type { Device } from '#src/model/device.ts'
import type { Store } from '#src/store/store.ts'
import { openTestStore } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

/** The DECT side on a real store and a clock that stands still, with one server. */
export interface TestDect {
  dect: Dect
  store: Store
  clock: FakeClock
  logger: MemoryLogger
  server: Device
  /** Servers whose files changed, in order. */
  changed: string[]
}

interface Teardown {
  teardown(release: () => Promise<void> | void): void
}

export function startTestDect(t: Teardown, parts: { store?: Store; clock?: FakeClock } = {}): TestDect {
  const clock = parts.clock ?? new FakeClock()
  const logger = new MemoryLogger()
  const store = parts.store ?? openTestStore(t, { clock, logger })
  const dect = createDect({
    store,
    emergencyNumbers: () => ['112', '110'],
    clock,
    random: systemRandom,
    logger,
  })
  const changed: string[] = []
  dect.on('configurationChanged', ({ serverId }) => changed.push(serverId))
  const server =
    dect.servers.list()[0] ??
    dect.servers.add({ label: 'Ward DECT', mac: '00:90:33:0A:0B:0C', model: 'IP-DECT Server 400' })
  t.teardown(() => dect.stop())
  return { dect, store, clock, logger, server, changed }
}

/** The n-th of some valid IPEIs, 13 characters. */
export function someIpei(index: number): string {
  const digits = `57005${String(1000 + index).padStart(7, '0')}`
  return digits + ipeiCheckCharacter(digits)
}
