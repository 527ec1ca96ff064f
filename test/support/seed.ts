import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { systemRandom } from '#src/base/random.ts'
import { openStore } from '#src/store/open-store.ts'
import { loadSealKey } from '#src/store/seal-key.ts'

/** A line as a test knows it. */
export interface SeededLine {
  lineId: string
  username: string
  password: string
  userId: string
  number: string
}

/** Number of the n-th seeded user. */
export function seededNumber(index: number): string {
  return `+4930777${String(index).padStart(5, '0')}`
}

/** Fills the store of a box that is not running: `count` phones, each with a person of `tenantId` signed in on it. */
export async function seedLines(
  dataDir: string,
  count: number,
  tenantId = 'test-tenant',
): Promise<SeededLine[]> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const sealKey = loadSealKey({ keyFile: join(dataDir, 'seal.key') })
  const store = openStore({ dataDir, sealKey, realm: 'branchline', clock: systemClock, logger: silentLogger })
  const nowMs = systemClock.nowMs()
  const lines: SeededLine[] = []
  for (let index = 0; index < count; index++) {
    const line: SeededLine = {
      lineId: `line-${index}`,
      username: `phone${index}`,
      password: systemRandom.password(20),
      userId: `user-${index}`,
      number: seededNumber(index),
    }
    store.devices.save({
      id: `device-${index}`,
      kind: 'phone',
      label: `Phone ${index}`,
      mac: undefined,
      ipei: undefined,
      parentId: undefined,
      vendor: undefined,
      model: undefined,
      firmware: undefined,
      location: undefined,
      state: 'onboarded',
      createdAtMs: nowMs,
      lastSeenAtMs: undefined,
    })
    store.lines.add(
      {
        id: line.lineId,
        deviceId: `device-${index}`,
        username: line.username,
        label: '',
        createdAtMs: nowMs,
      },
      line.password,
    )
    store.signIns.save(
      { lineId: line.lineId, userId: line.userId, signedInAtMs: nowMs, verifiedAtMs: nowMs },
      {
        id: line.userId,
        tenantId,
        upn: `user${index}@load.example`,
        displayName: `User ${index}`,
        number: line.number,
        licensed: true,
        lab: false,
        updatedAtMs: nowMs,
      },
      '{}',
    )
    lines.push(line)
  }
  store.callingPolicies.save({
    ...store.callingPolicies.forUser('nobody'),
    scope: 'Global',
    allowSipDevicesCalling: true,
  })
  await store.close()
  return lines
}
