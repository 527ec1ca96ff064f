import type { Logger } from '#src/base/logger.ts'
import { connectCall, refuse, type CallContext } from './calls/connect-call.ts'
import { lineCaller, teamsCaller, type Caller } from './calls/identify-caller.ts'
import { limitCalls } from './calls/limit-calls.ts'
import { dialledText } from './calls/numbers.ts'
import { requiredExtensions } from './calls/required-extensions.ts'
import type { DigestAuthenticator } from './registrar/authenticate-digest.ts'
import { registerHandler, type RegistrarContext } from './registrar/registrar.ts'
import { withoutSecrets } from './services/parse-feature-code.ts'
import { CancelReason, type IncomingRequest } from './sip-port.ts'
import { step, type Handler, type RefusedReply } from './step.ts'
import { allowedMethods } from './uplink/teams-headers.ts'
import type { TrunkPeer } from './uplink/trunk-peer.ts'

export interface MiddlewareContext {
  calls: CallContext
  registrar: RegistrarContext
  authenticator: DigestAuthenticator
  trunkPeer: TrunkPeer
  /** True from the moment the box drains: no new call is taken. */
  stopping: () => boolean
  newCallId: () => string
  logger: Logger
}

/** Registers a handler for every method that reaches us outside a dialog: the one list of what the box answers. */
export function registerMiddleware(context: MiddlewareContext): void {
  const { sip, counters } = context.calls
  const handlers: Record<string, Handler> = {
    register: registerHandler(context.registrar),
    invite: inviteHandler(context),
    options: async (_request, reply) => {
      counters.add('optionsReceived')
      reply.send(200, 'OK', { headers: { Allow: allowedMethods, Accept: 'application/sdp' } })
    },
    // Nothing to subscribe to or to publish yet; phones ask for message-summary and dialog and take 489 well.
    subscribe: refuseAll(context, { status: 489, reason: 'Bad Event' }),
    publish: refuseAll(context, { status: 489, reason: 'Bad Event' }),
    notify: refuseAll(context, { status: 481, reason: 'Subscription Does Not Exist' }),
    message: refuseAll(context, methodNotAllowed),
    info: refuseAll(context, methodNotAllowed),
    refer: refuseAll(context, methodNotAllowed),
  }
  for (const [method, handler] of Object.entries(handlers)) {
    sip.handle(method, step(handler, { logger: context.logger, counters }))
  }
}

const methodNotAllowed: RefusedReply = {
  status: 405,
  reason: 'Method Not Allowed',
  headers: { Allow: allowedMethods },
}

function refuseAll({ calls }: MiddlewareContext, refused: RefusedReply): Handler {
  return async () => {
    calls.counters.add('requestsRefused')
    return refused
  }
}

function inviteHandler(context: MiddlewareContext): Handler {
  const { calls, logger, stopping } = context
  const { counters, book } = calls
  return async (request, reply) => {
    counters.add('invitesReceived')
    // First of all: a CANCEL that comes while we find out who calls must not be missed.
    const cancelled = watchCancel(request)
    const caller = await identify(context, request)
    if ('status' in caller) return caller
    if (request.get('Contact') === undefined) return { status: 400, reason: 'Missing Contact' }
    const { unsupported } = requiredExtensions(request)
    if (unsupported.length > 0) {
      counters.add('requestsRefused')
      return { status: 420, reason: 'Bad Extension', headers: { Unsupported: unsupported.join(', ') } }
    }

    const id = context.newCallId()
    const call = book.begin({
      id,
      caller: caller.party,
      dialled: withoutSecrets(dialledText(request.uri) ?? request.uri.slice(0, 100)),
      logger: logger.child({ call: id, callId: request.get('Call-ID') }),
    })
    const sipCallId = request.get('Call-ID')
    if (sipCallId !== undefined) calls.trace?.join(id, sipCallId, caller.party)
    const incoming = { call, caller, request, reply, cancelled }
    const limited = limitCalls({
      stopping: stopping(),
      calls: book.size,
      callsOfLine: caller.kind === 'line' ? book.callsOfLine(caller.line.id) : 0,
    })
    if (limited) {
      refuse(incoming, limited, calls)
      return
    }
    try {
      await connectCall(incoming, calls)
    } catch (error) {
      // step() answers 500 and logs; the call still gets its end in the log.
      call.end('CALL_BOX_FAILED')
      throw error
    }
  }
}

/** Digest for a phone, certificate for Teams; anybody else is challenged as a phone. */
async function identify(
  { trunkPeer, authenticator, calls }: MiddlewareContext,
  request: IncomingRequest,
): Promise<Caller | RefusedReply> {
  if (await trunkPeer.is(request)) return teamsCaller(request)
  const proof = authenticator.authenticate(request, 'proxy')
  return 'line' in proof ? lineCaller(proof.line, request, calls.store) : proof
}

function watchCancel(request: IncomingRequest): AbortSignal {
  const abort = new AbortController()
  request.on('cancel', (cancel) => abort.abort(new CancelReason('caller cancelled', cancel.get('Reason'))))
  return abort.signal
}
