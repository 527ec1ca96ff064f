import { ApplianceError } from '#src/base/errors.ts'
import type { TeamsBehaviour } from '#src/lab/people.ts'
import type { LabCall, StartTeamsEdge } from '#src/lab/teams-edge-port.ts'

/** A Teams edge without SIP: keeps behaviours and a list of calls, so that the HTTP side can be tested alone. */
export const startFakeTeamsEdge: StartTeamsEdge = async (options) => {
  const behaviours = new Map<string, TeamsBehaviour>()
  for (const { number, teams } of options.people) if (number && teams) behaviours.set(number, teams)
  const calls: LabCall[] = []
  return {
    port: options.port === 0 ? 15061 : options.port,
    setBehaviour(number, behaviour) {
      if (!behaviours.has(number)) return false
      behaviours.set(number, behaviour)
      return true
    },
    behaviour: (number) => behaviours.get(number),
    async placeCall({ from, to }) {
      const box = options.boxAddress()
      if (!box) throw new ApplianceError('LAB_FAILED', {}, { text: 'The box has not told its address.' })
      const callId = `${options.random.token(8)}@${box.host}:${box.tlsPort}`
      calls.unshift({
        callId,
        direction: 'toBox',
        from,
        to,
        state: 'ringing',
        startedAtMs: options.clock.nowMs(),
        answeredAtMs: undefined,
        endedAtMs: undefined,
        sipStatus: undefined,
        reason: undefined,
        media: {
          receivedPackets: 0,
          sentPackets: 0,
          lostPackets: 0,
          allSrtp: true,
          heardToneHz: undefined,
          heardToneDb: undefined,
          heardDtmf: '',
        },
      })
      return { callId }
    },
    hangUp(callId) {
      const index = calls.findIndex((call) => call.callId === callId)
      return index >= 0 && calls.splice(index, 1).length === 1
    },
    calls: () => calls,
    stop: async () => undefined,
  }
}
