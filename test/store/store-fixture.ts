import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Binding } from '#src/model/binding.ts'
import type { CallRecord } from '#src/model/call-record.ts'
import type { Device } from '#src/model/device.ts'
import type { Line } from '#src/model/line.ts'
import type { User } from '#src/model/user.ts'
import { openStore, type StoreOptions } from '#src/store/open-store.ts'
import type { Store } from '#src/store/store.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

/** What node-tap's test object must offer here. */
interface Teardown {
  teardown(release: () => Promise<void> | void): void
}

/** An empty directory that goes with the test. */
export function temporaryDirectory(t: Teardown): string {
  const directory = mkdtempSync(join(tmpdir(), 'branchline-store-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export const testKey = Buffer.alloc(32, 7)

/** A store on a directory, closed with the test. */
export function openTestStore(t: Teardown, options: Partial<StoreOptions> = {}): Store {
  const store = openStore({
    dataDir: options.dataDir ?? temporaryDirectory(t),
    sealKey: testKey,
    realm: 'branchline',
    clock: new FakeClock(),
    logger: new MemoryLogger(),
    ...options,
  })
  t.teardown(() => store.close())
  return store
}

export function someDevice(change: Partial<Device> = {}): Device {
  return {
    id: 'd1',
    kind: 'phone',
    label: 'Reception',
    mac: '001122334455',
    ipei: undefined,
    parentId: undefined,
    vendor: undefined,
    model: undefined,
    firmware: undefined,
    location: undefined,
    state: 'onboarded',
    createdAtMs: 1,
    lastSeenAtMs: undefined,
    ...change,
  }
}

export function someLine(change: Partial<Line> = {}): Line {
  return { id: 'l1', deviceId: 'd1', username: 'line1', label: 'Reception', createdAtMs: 1, ...change }
}

export function someUser(change: Partial<User> = {}): User {
  return {
    id: 'u1',
    tenantId: 't1',
    upn: 'anna@contoso.example',
    displayName: 'Anna',
    number: '+4930123456',
    licensed: true,
    lab: true,
    updatedAtMs: 5,
    ...change,
  }
}

export function someBinding(change: Partial<Binding> = {}): Binding {
  return {
    aor: 'line1',
    contactUri: 'sip:line1@192.0.2.1:5060',
    instanceId: undefined,
    callId: 'c1',
    cseq: 1,
    qThousandths: 1000,
    expiresAtMs: 10_000,
    registeredAtMs: 1_000,
    flow: { protocol: 'udp', host: '192.0.2.1', port: 5060 },
    userAgent: 'Phone 1.0',
    ...change,
  }
}

export function someCall(change: Partial<CallRecord> = {}): CallRecord {
  return {
    id: 'call1',
    startedAtMs: 1_000,
    answeredAtMs: 2_000,
    endedAtMs: 3_000,
    caller: { kind: 'line', id: 'l1', number: '+4930123456', displayName: 'Anna' },
    dialled: '+4930999',
    callee: { kind: 'trunk', id: 'teams', number: '+4930999', displayName: undefined },
    cause: 'completed',
    sipStatus: 200,
    explanation: 'The call ended normally.',
    ...change,
  }
}
