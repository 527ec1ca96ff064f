import type { Binding } from '#src/model/binding.ts'
import type { CallingPolicy } from '#src/model/calling-policy.ts'
import type { Line } from '#src/model/line.ts'
import type { User } from '#src/model/user.ts'
import { parseFeatureCode, type Feature, type FeatureCall } from '../services/parse-feature-code.ts'
import type { Cause } from './classify-failure.ts'
import type { Caller } from './identify-caller.ts'
import { dialledDigits, isEmergency, toE164 } from './numbers.ts'
import { groupByPhone } from './ways-to-phone.ts'

/** What a line may do while nobody is signed in on it; signing out then says so. */
const withoutUser: readonly Feature[] = ['sign-in', 'sign-out', 'enrol']

/** A call to be routed. */
export interface RouteRequest {
  caller: Caller
  /** User part of the Request-URI, decoded. */
  dialled: string
}

/** What routing may look at; answers as of one moment. */
export interface RouteFacts {
  country: string
  emergencyNumbers: readonly string[]
  /** True while a tenant with a trunk is set up, whether it is up or not. */
  teamsTrunk: boolean
  userByNumber(number: string): User | undefined
  /** Lines on which this user is signed in. */
  linesOfUser(userId: string): Line[]
  lineByUsername(username: string): Line | undefined
  /** The line whose label is this extension. */
  lineByExtension(digits: string): Line | undefined
  bindingsOf(line: Line): Binding[]
  policyOf(userId: string): CallingPolicy
  /** True when one of this user's phones is in a call. */
  inCall(userId: string): boolean
}

/** One party that will ring. */
export type Target =
  | {
      kind: 'phone'
      line: Line
      binding: Binding
      /** Further flows of the same phone (RFC 5626), tried when the one before fails; never rung beside it. */
      otherFlows?: readonly Binding[]
      user: User | undefined
    }
  | { kind: 'teams'; number: string; user: User | undefined }

export type RoutePlan =
  | { kind: 'feature'; call: FeatureCall }
  | { kind: 'ring'; number: string; targets: Target[] }
  | { kind: 'refused'; cause: Cause; number: string }

/**
 * Decides where a call goes, in this order: emergency number, feature code, local user, local line, number
 * reached through Teams. Pure: the same call and facts give the same plan.
 */
export function planRoute(request: RouteRequest, facts: RouteFacts): RoutePlan {
  const { caller, dialled } = request
  const digits = dialledDigits(dialled)
  const refuse = (cause: Cause, number = dialled): RoutePlan => ({ kind: 'refused', cause, number })

  if (caller.kind === 'line') {
    // An emergency call is never held back by sign-in or policy; what it lacks today is a trunk to the PSTN.
    // Teams is no substitute: Direct Routing reaches only numbers of the tenant.
    const isTaken = (number: string): boolean =>
      toE164(number, facts.country) !== undefined || facts.lineByExtension(number) !== undefined
    if (isEmergency(dialled, facts.emergencyNumbers, isTaken)) return refuse('CALL_EMERGENCY_NO_TRUNK')

    const feature = parseFeatureCode(dialled)
    if (feature === 'malformed') return refuse('FEATURE_MALFORMED')
    if (feature && (caller.user || withoutUser.includes(feature.feature))) {
      return { kind: 'feature', call: feature }
    }
    if (!caller.user) return refuse('CALL_SIGN_IN_FIRST')
    if (!facts.policyOf(caller.user.id).allowSipDevicesCalling) return refuse('CALL_NOT_ALLOWED')
  }

  const number = toE164(dialled, facts.country)
  const user = number === undefined ? undefined : facts.userByNumber(number)
  if (user && number !== undefined) {
    const ringing = ringUser(user, number, caller, facts)
    if (ringing) return ringing
  }
  if (caller.kind === 'teams') return refuse('CALL_NOT_LOCAL', number)

  const line =
    facts.lineByUsername(dialled) ?? (digits === undefined ? undefined : facts.lineByExtension(digits))
  if (line) return ringLine(line, dialled, facts)

  if (number === undefined) return refuse('CALL_NUMBER_INVALID')
  if (!facts.teamsTrunk) return refuse('CALL_NO_ROUTE', number)
  if (!caller.user?.number) return refuse('CALL_CALLER_WITHOUT_NUMBER', number)
  return { kind: 'ring', number, targets: [{ kind: 'teams', number, user }] }
}

/** All of a user's phones and his Teams client at once; undefined when he has no phone here and Teams is asked as for any number. */
function ringUser(user: User, number: string, caller: Caller, facts: RouteFacts): RoutePlan | undefined {
  const lines = facts.linesOfUser(user.id)
  const fromTeams = caller.kind === 'teams'
  if (lines.length === 0 && !fromTeams) return undefined
  if (facts.policyOf(user.id).busyOnBusy && facts.inCall(user.id)) {
    return { kind: 'refused', cause: 'CALL_BUSY', number }
  }
  const targets: Target[] = lines
    // Somebody who calls his own number means his other phones.
    .filter((line) => caller.kind !== 'line' || line.id !== caller.line.id)
    .flatMap((line) => phonesOf(line, user, facts))
  // A call that came from Teams for this user never goes back there: Teams rings its own clients.
  if (!fromTeams && facts.teamsTrunk && caller.user?.number) targets.push({ kind: 'teams', number, user })
  return targets.length > 0
    ? { kind: 'ring', number, targets }
    : { kind: 'refused', cause: 'CALL_NO_DEVICE', number }
}

function ringLine(line: Line, dialled: string, facts: RouteFacts): RoutePlan {
  const targets = phonesOf(line, undefined, facts)
  return targets.length > 0
    ? { kind: 'ring', number: dialled, targets }
    : { kind: 'refused', cause: 'CALL_NO_DEVICE', number: dialled }
}

/** One target for each phone on the line, however many flows it keeps. */
function phonesOf(line: Line, user: User | undefined, facts: RouteFacts): Target[] {
  return groupByPhone(facts.bindingsOf(line)).map(([binding, ...otherFlows]) =>
    otherFlows.length === 0
      ? { kind: 'phone', line, binding, user }
      : { kind: 'phone', line, binding, otherFlows, user },
  )
}
