import { errorText } from '#src/base/errors.ts'
import type { EndpointSession, MediaEndpoints } from '#src/media/endpoint/media-endpoint.ts'
import type { Counters } from '../counters.ts'
import type { IncomingCall } from '../calls/incoming-call.ts'
import { classifyBye, classifyMediaError, type Cause } from '../calls/classify-failure.ts'
import type { MediaAddress } from '../media-address.ts'
import type { PromptsPort } from '../options.ts'
import type { EnrolmentPort, SignInPort } from '../ports.ts'
import type { IncomingRequest, Reply, SipDialog, SipPort } from '../sip-port.ts'
import { allowedMethods } from '../uplink/teams-headers.ts'
import { enrolByPhone } from './enrol-call.ts'
import type { FeatureCallPort, FeatureOutcome, FeatureRunner } from './feature-call.ts'
import type { FeatureCall } from './parse-feature-code.ts'
import { signInByPhone, signOutByPhone } from './sign-in-call.ts'

/** Makes the runner: it answers the call with an endpoint of our own, tells the feature's story and hangs up. */
export function featureRunner(context: {
  sip: SipPort
  endpoints: MediaEndpoints
  prompts: PromptsPort
  signIn: SignInPort
  enrolment: EnrolmentPort | undefined
  mediaAddressToward(peerHost: string): Promise<MediaAddress>
  refuse: (incoming: IncomingCall, cause: Cause) => void
  counters: Counters
}): FeatureRunner {
  const { sip, endpoints, prompts, counters, refuse, enrolment } = context

  const story = async (
    incoming: IncomingCall,
    feature: FeatureCall,
    port: FeatureCallPort,
  ): Promise<FeatureOutcome> => {
    const { caller } = incoming
    if (caller.kind === 'line' && feature.feature === 'sign-in') {
      return signInByPhone({ line: caller.line, user: caller.user, port, signIn: context.signIn })
    }
    if (caller.kind === 'line' && feature.feature === 'sign-out') {
      return signOutByPhone({ line: caller.line, port, signIn: context.signIn })
    }
    const { argument: code } = feature
    if (caller.kind === 'line' && feature.feature === 'enrol' && code !== undefined && enrolment) {
      return enrolByPhone({ line: caller.line, code, port, enrolment })
    }
    await port.say('not-available')
    return {
      cause: 'FEATURE_NOT_AVAILABLE',
      text: `The feature code ${feature.code} does nothing on this box yet.`,
    }
  }

  return {
    async run(incoming, feature) {
      const { call, request, reply, cancelled } = incoming
      let session: EndpointSession
      try {
        const address = await context.mediaAddressToward(request.source_address)
        session = await endpoints.answer(request.body ?? '', address)
      } catch (error) {
        call.logger.warn({ error: errorText(error) }, 'the box could not answer a feature code')
        refuse(incoming, classifyMediaError(error))
        return
      }
      let dialog: SipDialog
      try {
        if (cancelled.aborted) throw cancelled.reason
        dialog = await sip.accept(request, reply, {
          sdp: session.localSdp,
          headers: { Allow: allowedMethods },
        })
      } catch {
        session.close()
        counters.add('callsCancelled')
        call.end('CALL_CROSSED_CANCEL')
        return
      }
      counters.add('callsAnswered')
      call.answered({ kind: 'service', id: feature.code, number: feature.code, displayName: undefined })
      const gone = new AbortController()
      let endedBy: Cause | undefined
      const hungUp = (cause: Cause): void => {
        endedBy ??= cause
        session.stopPlaying()
        gone.abort(new Error(cause))
      }
      call.onStop(hungUp)
      dialog.onBye((reason) => hungUp(classifyBye('caller', reason)))
      dialog.onRequest((inDialog, answer) => answerInDialog(session, inDialog, answer))
      const port: FeatureCallPort = {
        say: async (name) => !gone.signal.aborted && session.play(prompts.prompt(name)),
        spell: async (text) => !gone.signal.aborted && session.play(prompts.spell(text)),
        gone: gone.signal,
        logger: call.logger,
      }
      let outcome: FeatureOutcome
      try {
        outcome = await story(incoming, feature, port)
      } catch (error) {
        call.logger.error({ err: error, code: feature.code }, 'a feature code failed')
        outcome = { cause: 'FEATURE_FAILED' }
      }
      session.close()
      await dialog.bye()
      // Whoever hangs up after the work is done has still got it done; the outcome tells more than the BYE.
      if (endedBy === 'CALL_ENDED_BY_ADMIN' || endedBy === 'CALL_ENDED_BY_SHUTDOWN') call.end(endedBy)
      else call.end(outcome.cause, outcome.text)
    },
  }
}

/** Hold and resume of a call with the box itself; nothing else makes sense here. */
function answerInDialog(session: EndpointSession, request: IncomingRequest, reply: Reply): void {
  const sdp = request.body ?? ''
  const isOffer = request.method === 'INVITE' || request.method === 'UPDATE'
  if (!isOffer) {
    const known = request.method === 'OPTIONS' || request.method === 'INFO'
    reply.send(known ? 200 : 405, known ? 'OK' : 'Method Not Allowed', { headers: { Allow: allowedMethods } })
    return
  }
  if (sdp === '' && request.method === 'UPDATE') {
    reply.send(200, 'OK', {})
    return
  }
  try {
    const body = sdp === '' ? session.localSdp : session.renegotiate(sdp)
    reply.send(200, 'OK', { headers: { 'Content-Type': 'application/sdp' }, body })
  } catch {
    reply.send(488, 'Not Acceptable Here', {})
  }
}
