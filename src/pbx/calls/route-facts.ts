import type { Settings } from '#src/model/settings.ts'
import type { Clock } from '#src/base/clock.ts'
import type { Line } from '#src/model/line.ts'
import type { PbxStore } from '../options.ts'
import type { CallBook } from './call-book.ts'
import type { RouteFacts } from './plan-route.ts'

/** Longest label that is taken for an extension. */
const maxExtensionLength = 6

/** Answers routing's questions from the store and the live calls, as of now. */
export function routeFacts(context: {
  store: PbxStore
  book: CallBook
  settings: Settings
  teamsTrunk: boolean
  clock: Clock
}): RouteFacts {
  const { store, book, settings, teamsTrunk, clock } = context
  const linesOfUser = (userId: string): Line[] =>
    store.signIns.forUser(userId).flatMap((signIn) => store.lines.find(signIn.lineId) ?? [])
  return {
    country: settings.site.country,
    emergencyNumbers: settings.site.emergencyNumbers,
    teamsTrunk,
    linesOfUser,
    userByNumber: (number) => store.users.findByNumber(number),
    lineByUsername: (username) => store.lines.findByUsername(username),
    lineByExtension: (digits) =>
      digits.length > maxExtensionLength
        ? undefined
        : store.lines.list().find((line) => line.label === digits),
    bindingsOf: (line) => store.bindings.find(line.username, clock.nowMs()),
    policyOf: (userId) => store.callingPolicies.forUser(userId),
    inCall: (userId) => book.inCall(linesOfUser(userId).map((line) => line.id)),
  }
}
