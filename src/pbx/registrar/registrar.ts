import { secondsToMs, type Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { EventSource } from '#src/base/events.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { Binding } from '#src/model/binding.ts'
import type { Settings } from '#src/model/settings.ts'
import { flowOf } from '../calls/identify-caller.ts'
import type { Counters } from '../counters.ts'
import type { PbxStore } from '../options.ts'
import type { PbxEvents, PeerEvidence } from '../ports.ts'
import type { IncomingRequest, Reply } from '../sip-port.ts'
import type { Handler, RefusedReply } from '../step.ts'
import { registerAnswerHeaders, type RegisterAnswer } from './answer-register.ts'
import type { DigestAuthenticator } from './authenticate-digest.ts'
import { unknownRequirements } from './option-tags.ts'
import { readRegister, type RegisterRequest } from './register-request.ts'
import { applyRegister, type RegisterRefusal } from './save-binding.ts'

const expireEveryMs = 5_000

export interface RegistrarContext {
  store: Pick<PbxStore, 'bindings' | 'devices'>
  authenticator: DigestAuthenticator
  settings: () => Settings
  events: EventSource<PbxEvents>
  counters: Counters
  clock: Clock
  random: Pick<Random, 'bytes'>
  logger: Logger
  /** Hears of each proven registration. */
  evidence?: Pick<PeerEvidence, 'registered'> | undefined
}

/** A REGISTER that may change the bindings of its line. */
interface ProvenRegister {
  request: IncomingRequest
  reply: Reply
  register: RegisterRequest
  deviceId: string
}

/** Handles REGISTER (RFC 3261 10.3). The 200 leaves only after the bindings are on disk. */
export function registerHandler(context: RegistrarContext): Handler {
  const { authenticator, counters, store, clock } = context

  function refused(reply: RefusedReply): RefusedReply {
    if (reply.status !== 401) counters.add('registersRefused')
    return reply
  }

  return (request, reply) => {
    // 10.3 step 2, before anybody is asked who he is.
    const unsupported = unknownRequirements(request)
    if (unsupported.length > 0) {
      return refused({
        status: 420,
        reason: 'Bad Extension',
        headers: { Unsupported: unsupported.join(', ') },
      })
    }
    const proof = authenticator.authenticate(request, 'registrar')
    if (!('line' in proof)) return refused(proof)
    const { line } = proof
    const register = readRegister(request)
    if (typeof register === 'string') return refused({ status: 400, reason: register })
    if (register.aor !== line.username) {
      counters.add('authOtherLine')
      return refused({ status: 403, reason: 'Not your address of record' })
    }
    if (store.devices.find(line.deviceId)?.state === 'off-boarded') {
      counters.add('deviceOffBoarded')
      return refused({ status: 403, reason: 'Device is off-boarded' })
    }
    const wayBack = judgeWayBack(register, context.settings())
    if (wayBack) return refused(wayBack)
    return accept({ request, reply, register, deviceId: line.deviceId })
  }

  async function accept({
    request,
    reply,
    register,
    deviceId,
  }: ProvenRegister): Promise<RefusedReply | undefined> {
    const bindings = await save(request, register, context)
    if (!Array.isArray(bindings)) return refused(bindings)
    counters.add('registersAccepted')
    reply.send(200, 'OK', {
      headers: registerAnswerHeaders(bindings, clock.nowMs(), more(request, register)),
    })
    noteSeen(deviceId)
    vouch(request, bindings)
    return undefined
  }

  function more({ protocol }: IncomingRequest, { path, contacts }: RegisterRequest): RegisterAnswer {
    const { serviceRoute, flowTimerS } = context.settings().sip
    const outbound = contacts[0]?.regId !== undefined
    return {
      path,
      serviceRoute,
      outbound: outbound ? { flowTimerS: flowTimer(protocol, flowTimerS) } : undefined,
    }
  }

  // Only for who has a binding now: a question or a removal must not keep an address from being judged.
  function vouch({ source_address: host }: IncomingRequest, bindings: readonly Binding[]): void {
    let untilMs = 0
    for (const { expiresAtMs, flow } of bindings) {
      if (flow.host === host && expiresAtMs > untilMs) untilMs = expiresAtMs
    }
    if (untilMs > 0) context.evidence?.registered(host, untilMs)
  }

  function noteSeen(deviceId: string): void {
    try {
      store.devices.noteSeen(deviceId, clock.nowMs())
    } catch (error) {
      // The registration stands; only the sighting is lost.
      counters.add('storeFailed')
      context.logger.error({ err: error, deviceId }, 'a sighting could not be stored')
    }
  }
}

/** RFC 5626 4.4.2: NATs forget a UDP flow after half a minute, whatever the admin wishes for connections. */
const udpFlowTimerS = 25

function flowTimer(protocol: string, wantedS: number): number {
  return protocol === 'udp' ? Math.min(wantedS, udpFlowTimerS) : wantedS
}

/** May the proxies on the way stay between us and the phone? Undefined = yes. */
function judgeWayBack(register: RegisterRequest, { sip }: Settings): RefusedReply | undefined {
  // RFC 5626 6: the phone then registers once more, without outbound.
  if (register.lacksOutbound) return { status: 439, reason: 'First Hop Lacks Outbound Support' }
  // RFC 3327 5.3 leaves it to the registrar what becomes of a Path that the phone may not know of.
  if (register.path.length > 0 && !register.supportsPath && sip.pathWithoutSupport === 'refuse') {
    return { status: 421, reason: 'Extension Required', headers: { Require: 'path' } }
  }
  return undefined
}

async function save(
  request: IncomingRequest,
  register: RegisterRequest,
  { store, settings, clock, random, counters, logger, events }: RegistrarContext,
): Promise<Binding[] | RefusedReply> {
  const nowMs = clock.nowMs()
  // 10.2.3: no contact = a question, which must not cost a write.
  if (!register.removeAll && register.contacts.length === 0) return store.bindings.find(register.aor, nowMs)
  const { sip } = settings()
  const rules = {
    minExpiresMs: secondsToMs(sip.minExpiresS),
    maxExpiresMs: secondsToMs(sip.maxExpiresS),
    maxContacts: sip.maxContactsPerLine,
  }
  const shorten = (sip.registrationSpread / 100) * (random.bytes(2).readUInt16BE() / 0x1_0000)
  let refusal: RegisterRefusal | undefined
  try {
    const bindings = await store.bindings.change(register.aor, nowMs, (current) => {
      const next = applyRegister(current, register, { rules, flow: flowOf(request), nowMs, shorten })
      if (typeof next !== 'string') return next
      refusal = next
      throw new Error(next)
    })
    events.emit('bindingChanged', { aor: register.aor, bindings })
    return bindings
  } catch (error) {
    if (refusal) return refusalReply(refusal, sip.minExpiresS)
    counters.add('storeFailed')
    logger.error({ aor: register.aor, err: error }, `a registration could not be stored: ${errorText(error)}`)
    return { status: 500, reason: 'Server Internal Error' }
  }
}

function refusalReply(refusal: RegisterRefusal, minExpiresS: number): RefusedReply {
  switch (refusal) {
    case 'too-brief':
      return { status: 423, reason: 'Interval Too Brief', headers: { 'Min-Expires': String(minExpiresS) } }
    case 'out-of-order':
      return { status: 500, reason: 'CSeq out of order' }
    case 'too-many-contacts':
      return { status: 403, reason: 'Too many contacts' }
  }
}

/** Drops expired bindings until the lifetime ends. */
export function startExpiry(
  context: Pick<RegistrarContext, 'store' | 'events' | 'counters' | 'clock' | 'logger'> & {
    lifetime: Lifetime
  },
): void {
  const { store, events, counters, clock, logger, lifetime } = context
  lifetime.run('expire-bindings', async (signal) => {
    for (;;) {
      await clock.sleep(expireEveryMs, signal)
      try {
        const dropped = await store.bindings.expire(clock.nowMs())
        for (let count = 0; count < dropped.length; count++) counters.add('bindingsExpired')
        for (const aor of new Set(dropped.map((binding) => binding.aor))) {
          events.emit('bindingChanged', { aor, bindings: store.bindings.find(aor, clock.nowMs()) })
        }
      } catch (error) {
        counters.add('storeFailed')
        logger.error({ err: error }, 'expired bindings could not be dropped')
      }
    }
  })
}
