import type { DectPort } from '#src/dect/ports.ts'
import type { Onboarding } from '#src/onboarding/ports.ts'
import type { Pbx, PbxEvents, SignInPort } from '#src/pbx/ports.ts'
import type { Provisioning } from '#src/provisioning/ports.ts'
import type { BansPort } from './bans-port.ts'
import type { ApiContext } from './context.ts'
import { viewCall, viewLiveCall } from './views/calls.ts'
import { viewTrunk } from './views/health.ts'

/** Passes the call side's facts on to the open pages; the returned function stops that. */
export function forwardPbx(pbx: Pbx, context: ApiContext): () => void {
  const { events } = context
  const publishBinding = ({ aor, bindings }: PbxEvents['bindingChanged']): void => {
    const line = context.parts.store?.lines.findByUsername(aor)
    const registered = bindings.length > 0
    events.publish('bindingChanged', { lineId: line?.id ?? null, username: aor, registered })
  }
  const stops = [
    pbx.on('bindingChanged', publishBinding),
    // To a page both mean: look again.
    pbx.on('flowClosed', publishBinding),
    pbx.on('callStarted', (call) => events.publish('callStarted', viewLiveCall(call, context.parts.store))),
    pbx.on('callChanged', (call) => events.publish('callChanged', viewLiveCall(call, context.parts.store))),
    pbx.on('callEnded', (call) => events.publish('callEnded', viewCall(call, context.parts.store))),
    pbx.on('trunkChanged', (trunk) => events.publish('trunkChanged', viewTrunk(trunk))),
  ]
  return () => stops.forEach((stop) => stop())
}

/** Passes on who was enrolled, off-boarded or brought back; the returned function stops that. */
export function forwardOnboarding(onboarding: Onboarding, context: ApiContext): () => void {
  const { events } = context
  const stops = [
    onboarding.on('deviceChanged', ({ deviceId, change }) => {
      events.publish('devicesChanged', { deviceId })
      if (change !== 'off-boarded') return
      for (const { id, username } of context.parts.store?.lines.listByDevice(deviceId) ?? []) {
        events.publish('bindingChanged', { lineId: id, username, registered: false })
      }
    }),
    onboarding.on('enrolmentsChanged', (fact) => events.publish('enrolmentsChanged', fact)),
  ]
  return () => stops.forEach((stop) => stop())
}

/** Passes sign-ins and sign-outs on to the open pages; the returned function stops that. */
export function forwardSignIn(signIn: SignInPort, context: ApiContext): () => void {
  const { events } = context
  const stops = [
    signIn.on('signedIn', ({ signIn: { lineId, userId }, user }) =>
      events.publish('signedIn', { lineId, userId, displayName: user.displayName }),
    ),
    signIn.on('signedOut', (fact) => events.publish('signedOut', fact)),
    signIn.on('signInFailed', (fact) => events.publish('signInFailed', fact)),
  ]
  return () => stops.forEach((stop) => stop())
}

/** Passes on who was shut out or let in; the returned function stops that. */
export function forwardBans(bans: BansPort, { events }: ApiContext): () => void {
  return bans.on('changed', (fact) => events.publish('bansChanged', fact))
}

/** Passes subscription windows on to the open pages; the returned function stops that. */
export function forwardDect(dect: DectPort, { events }: ApiContext): () => void {
  return dect.on('windowChanged', ({ serverId, window }) =>
    events.publish('subscriptionChanged', { serverId, closesAtMs: window?.closesAtMs ?? null }),
  )
}

/**
 * Both ways: what provisioning finds goes to the open pages, and what is changed by any route that the files of phones
 * are made of goes to provisioning. The returned function stops both.
 */
export function forwardProvisioning(provisioning: Provisioning, { events }: ApiContext): () => void {
  const stops = [
    provisioning.on('deviceChanged', (fact) => events.publish('devicesChanged', fact)),
    provisioning.on('windowChanged', ({ window }) =>
      events.publish('adoptionChanged', { closesAtMs: window?.closesAtMs ?? null }),
    ),
    events.hear((name, fact) => {
      if (name === 'devicesChanged') provisioning.deviceChanged((fact as { deviceId: string }).deviceId)
      if (name === 'settingsChanged' || name === 'policiesChanged') provisioning.everythingChanged()
    }),
  ]
  return () => stops.forEach((stop) => stop())
}
