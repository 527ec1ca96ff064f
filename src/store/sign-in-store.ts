import type { SignIn } from '#src/model/sign-in.ts'
import type { User } from '#src/model/user.ts'
import type { StoreContext } from './context.ts'
import type { DeviceStates } from './device-states.ts'
import type { SignInStore } from './store.ts'
import { guarded } from './store-errors.ts'
import { prepareSaveUser } from './user-store.ts'

interface Row {
  line_id: string
  user_id: string
  signed_in_at_ms: number
  verified_at_ms: number
}

const columns = 'line_id, user_id, signed_in_at_ms, verified_at_ms'

function toSignIn(row: Row): SignIn {
  return {
    lineId: row.line_id,
    userId: row.user_id,
    signedInAtMs: row.signed_in_at_ms,
    verifiedAtMs: row.verified_at_ms,
  }
}

/** Keeps who is signed in on which line, with the sealed token cache of each. */
export function createSignInStore(context: StoreContext, deviceStates: DeviceStates): SignInStore {
  const { database, sealer, memory } = context
  const saveUser = prepareSaveUser(database)
  const forLine = database.prepare<[string], Row>(`SELECT ${columns} FROM sign_ins WHERE line_id = ?`)
  const forUser = database.prepare<[string], Row>(
    `SELECT ${columns} FROM sign_ins WHERE user_id = ? ORDER BY signed_in_at_ms, line_id`,
  )
  const list = database.prepare<[], Row>(`SELECT ${columns} FROM sign_ins ORDER BY signed_in_at_ms, line_id`)
  const selectTokens = database.prepare<[string], { sealed_token_cache: Buffer }>(
    'SELECT sealed_token_cache FROM sign_ins WHERE line_id = ?',
  )
  const upsert = database.prepare<[string, string, number, number, Buffer]>(
    `INSERT OR REPLACE INTO sign_ins (${columns}, sealed_token_cache) VALUES (?, ?, ?, ?, ?)`,
  )
  const deleteSignIn = database.prepare<[string]>('DELETE FROM sign_ins WHERE line_id = ?')
  const deviceOf = database.prepare<[string], { device_id: string }>(
    'SELECT device_id FROM lines WHERE id = ?',
  )

  const refreshDevice = (lineId: string): void => {
    const line = deviceOf.get(lineId)
    if (line) deviceStates.refresh(line.device_id)
  }
  const save = database.transaction((signIn: SignIn, user: User, tokenCache: string) => {
    saveUser(user)
    upsert.run(
      signIn.lineId,
      signIn.userId,
      signIn.signedInAtMs,
      signIn.verifiedAtMs,
      sealer.seal(tokenCache, place(signIn.lineId)),
    )
    refreshDevice(signIn.lineId)
  })
  const remove = database.transaction((lineId: string) => {
    const removed = deleteSignIn.run(lineId).changes > 0
    if (removed) refreshDevice(lineId)
    return removed
  })

  const readForUser = memory.remember((userId) =>
    guarded(() => forUser.all(userId).map((row) => Object.freeze(toSignIn(row)))),
  )

  return {
    forLine: memory.remember((lineId) => {
      const row = guarded(() => forLine.get(lineId))
      return row && toSignIn(row)
    }),
    forUser: (userId) => readForUser(userId).slice(),
    list: () => guarded(() => list.all().map(toSignIn)),
    save: (signIn, user, tokenCache) =>
      memory.changing(() => guarded(() => save.immediate(signIn, user, tokenCache))),
    tokenCache(lineId) {
      const row = guarded(() => selectTokens.get(lineId))
      return row && sealer.open(row.sealed_token_cache, place(lineId))
    },
    remove: (lineId) => memory.changing(() => guarded(() => remove.immediate(lineId))),
  }
}

function place(lineId: string): string {
  return `sign_ins/${lineId}`
}
