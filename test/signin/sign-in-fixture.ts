import { systemClock, type Clock, type Timer } from '#src/base/clock.ts'
import type { SignInEvents } from '#src/pbx/ports.ts'
import { createTenantClient } from '#src/microsoft/tenant-client.ts'
import type { TenantPort } from '#src/signin/ports.ts'
import { SignInService } from '#src/signin/sign-in.ts'
import type { Store } from '#src/store/store.ts'
import { startTestLab, type TestLab, type Testing } from '#test/lab/lab-fixture.ts'
import { until } from '#test/support/until.ts'
import { openTestStore, someDevice, someLine } from '#test/store/store-fixture.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

export const lineId = 'l1'

/** Timers run in real time, because real requests are under way; the wall clock can be set forward. */
export class SkewedClock implements Clock {
  aheadMs = 0
  nowMs(): number {
    return systemClock.nowMs() + this.aheadMs
  }
  monotonicMs(): number {
    return systemClock.monotonicMs()
  }
  setTimer(delayMs: number, callback: () => void): Timer {
    return systemClock.setTimer(delayMs, callback)
  }
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(delayMs, signal)
  }
}

export interface Box {
  lab: TestLab
  store: Store
  clock: SkewedClock
  logger: MemoryLogger
  service: SignInService
  /** Events in the order they were heard. */
  heard: { name: keyof SignInEvents; fact: unknown }[]
  /** Signs `person` in on a line, to the end. */
  signIn: (person: string, line?: string) => Promise<void>
  /** Resolves once the line's flow is over, whatever came of it. */
  over: (line?: string) => Promise<void>
}

/** A real store with two lines, a lab in a hurry, and sign-in between them; everybody is allowed. */
export async function startBox(
  t: Testing,
  more: { codeLifetimeMs?: number; tenant?: TenantPort } = {},
): Promise<Box> {
  const lab = await startTestLab(t, { codeIntervalMs: 20, codeLifetimeMs: more.codeLifetimeMs ?? 60_000 })
  const clock = new SkewedClock()
  const store = openTestStore(t, { clock })
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'secret-1')
  store.lines.add(someLine({ id: 'l2', username: 'line2' }), 'secret-2')
  store.callingPolicies.save({
    ...store.callingPolicies.forUser('x'),
    scope: 'Global',
    allowSipDevicesCalling: true,
  })
  const logger = new MemoryLogger()
  const { endpoints } = lab
  const tenant = more.tenant ?? {
    tenantId: endpoints.tenantId,
    ...createTenantClient({ endpoints, clock: systemClock }),
  }
  const service = new SignInService({ store, tenant, clock, logger })
  t.teardown(() => service.stop())
  const heard: Box['heard'] = []
  for (const name of ['signedIn', 'signedOut', 'signInFailed'] as const) {
    service.on(name, (fact) => heard.push({ name, fact }))
  }
  const over = (line = lineId): Promise<void> =>
    until(() => ['signedIn', 'failed'].includes(service.status(line)?.state ?? ''))
  return {
    ...{ lab, store, clock, logger, service, heard, over },
    async signIn(person, line = lineId) {
      const { userCode } = await service.begin(line, 'admin')
      await lab.decide(userCode, 'approve', person)
      await over(line)
    },
  }
}
