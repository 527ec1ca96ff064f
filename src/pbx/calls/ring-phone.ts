import type { CallParty } from '#src/model/call-record.ts'
import { escapeUser } from '#src/sip/uri.ts'
import { CancelReason, SipFailure } from '../sip-port.ts'
import { allowedMethods, quotedName } from '../uplink/teams-headers.ts'
import {
  BranchFailure,
  release,
  tryOnce,
  type AnsweredLeg,
  type Attempt,
  type BranchContext,
} from './attempt.ts'
import { watched, type BranchEvents, type WatchedEvents } from './fork.ts'
import { profilesForPhone } from './media-policy.ts'
import type { Target } from './plan-route.ts'
import { isWayFailure, noteFailedWay, waysToPhone, type Way } from './ways-to-phone.ts'

/** A phone that has another flow gets this long to show any sign over the first: UDP says nothing when it is dead. */
const signOfLifeMs = 5_000

type PhoneTarget = Target & { kind: 'phone' }

/** Rings one phone: over its flows one after the other until one reaches it, encrypted before plain. */
export async function ringPhone(
  target: PhoneTarget,
  branch: { index: number; party: CallParty },
  events: BranchEvents,
  signal: AbortSignal,
  context: BranchContext,
): Promise<AnsweredLeg> {
  const heard = watched(events)
  const bindings = [target.binding, ...(target.otherFlows ?? [])]
  let last: SipFailure | undefined
  let count = 0
  for (const way of waysToPhone(bindings, context.reach)) {
    // The last flow is waited for as long as the call rings.
    const patient = way.binding === bindings.at(-1)
    const profiles = profilesForPhone(way.binding.flow.protocol)
    for (const [number, profile] of profiles.entries()) {
      const attempt = attemptOver(way, profile, target, context)
      const session = {
        id: `${context.callId}-${branch.index}-${count++}`,
        party: branch.party,
        teams: false,
      }
      const ring = (until: AbortSignal): Promise<AnsweredLeg> =>
        tryOnce(attempt, session, heard.events, until, context)
      try {
        return await (patient ? ring(signal) : withSignOfLife(ring, heard, signal, context))
      } catch (error) {
        if (!(error instanceof SipFailure)) throw error
        last = error
        if (heard.told || signal.aborted) throw error
        if (isForPlainMedia(error) && number + 1 < profiles.length) continue
        if (error instanceof BranchFailure || !isWayFailure(error)) throw error
        noteFailedWay(way, error, context.reach)
        context.logger.info(
          {
            line: target.line.username,
            hop: attempt.target.proxy ?? attempt.target.uri,
            sipStatus: error.status,
          },
          'a phone was not reached this way',
        )
        break
      }
    }
  }
  throw last ?? new BranchFailure('CALL_DEVICE_SILENT')
}

// Phones with TLS and SRTP switched off refuse an offer of SRTP alone; they are asked once more.
function isForPlainMedia(error: SipFailure): boolean {
  return !(error instanceof BranchFailure) && [415, 488, 606].includes(error.status)
}

/** Gives up with a 408 of our own when nothing is heard; what still comes of it is wound up in the background. */
async function withSignOfLife(
  ring: (signal: AbortSignal) => Promise<AnsweredLeg>,
  heard: WatchedEvents,
  signal: AbortSignal,
  context: BranchContext,
): Promise<AnsweredLeg> {
  const giveUp = new AbortController()
  const running = ring(AbortSignal.any([signal, giveUp.signal]))
  const { promise: silence, reject } = Promise.withResolvers<never>()
  const timer = context.clock.setTimer(signOfLifeMs, () => {
    if (heard.told || signal.aborted) return
    giveUp.abort(new CancelReason('no sign of life'))
    reject(new SipFailure(408, 'Request Timeout'))
  })
  try {
    return await Promise.race([running, silence])
  } finally {
    timer.cancel()
    if (giveUp.signal.aborted)
      running.then(
        (leg) => release(leg, context),
        () => undefined,
      )
  }
}

function attemptOver(
  way: Way,
  profile: Attempt['profile'],
  target: PhoneTarget,
  { caller, hops }: BranchContext,
): Attempt {
  const { flow } = way.binding
  const transport = flow.protocol === 'udp' ? '' : `;transport=${flow.protocol}`
  // The engine puts its own address toward this phone in place of localhost.
  const local = `sip:${escapeUser(caller.number)}@localhost`
  const contact = `<${local}${transport}>`
  return {
    name: target.line.username,
    peerHost: flow.host,
    profile,
    target: way.target,
    headers: {
      ...way.headers,
      From: `${quotedName(caller.displayName)}<${local}>`,
      Contact: contact,
      Allow: allowedMethods,
      'Max-Forwards': String(hops),
    },
    contact,
  }
}
