import type { TracesPort } from '#src/api/traces-port.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import { Signalling, type SignallingSettings } from '#src/engine/trace/signalling.ts'
import { writePcapng } from '#src/engine/trace/write-pcapng.ts'
import type { Health } from '#src/health/health.ts'
import type { Settings } from '#src/model/settings.ts'
import type { Pbx } from '#src/pbx/ports.ts'
import { secretCodes } from '#src/pbx/services/parse-feature-code.ts'
import type { SettingsPart } from '#src/settings/settings-service.ts'
import type { ApplianceOptions } from './options.ts'

const mebibyte = 1024 * 1024
const hourMs = 3_600_000
const reportEveryMs = 10_000

/** What looks at the SIP messages of the box. */
export interface TraceSide {
  /** For the engine, as its tap, and for the call side, which says what belongs together. */
  signalling: Signalling
  /** Takes the settings under `trace`. */
  settingsPart: SettingsPart
  /** For the page. */
  traces: TracesPort
  /** Learns from the call side which calls are over. */
  follow(pbx: Pbx | undefined): void
}

/** Starts to keep messages; nothing of it can fail. */
export function openTraceSide(parts: {
  options: ApplianceOptions
  settings: Settings
  health: Health
  lifetime: Lifetime
}): TraceSide {
  const { options, health, lifetime } = parts
  const { clock, log } = options
  const signalling = new Signalling({ clock, logger: log.logger.child({ part: 'trace' }), secretCodes })
  let settings = parts.settings
  signalling.start(signallingSettings(settings))
  lifetime.own('trace', () => signalling.stop())

  const report = (): void => health.report({ name: 'trace', ...healthOf(signalling, settings) })
  report()
  lifetime.run('trace-health', async (signal) => {
    while (!signal.aborted) {
      // Aborted at the end of the box, and only then.
      await clock.sleep(reportEveryMs, signal).catch(() => undefined)
      if (!signal.aborted) report()
    }
  })

  return {
    signalling,
    settingsPart: {
      name: 'the memory of SIP messages',
      takes: ({ path }) => path.startsWith('trace.'),
      apply(next) {
        settings = next
        signalling.change(signallingSettings(next))
        report()
        return Promise.resolve()
      },
    },
    traces: {
      ofCall: (callId) => signalling.ofCall(callId),
      outside: (limit, of) => signalling.outside(limit, of),
      captureOf(callId, { sdpKeys }) {
        const messages = signalling.ofCall(callId, { sdpKeys })?.flatMap((leg) => leg.messages)
        if (!messages) return undefined
        const keys = sdpKeys ? 'with the keys of SRTP' : 'without the keys of SRTP'
        return writePcapng(
          messages.sort((a, b) => a.atMs - b.atMs),
          {
            application: `Branchline ${options.version}`,
            comment: `call ${callId}; secrets masked, ${keys}`,
          },
        )
      },
    },
    follow(pbx) {
      if (pbx)
        lifetime.own(
          'trace-calls',
          pbx.on('callEnded', ({ id }) => signalling.ended(id)),
        )
    },
  }
}

function signallingSettings({ trace }: Settings): SignallingSettings {
  const { enabled, megabytes, hours, homer } = trace
  const { host, port, protocol, captureId, unmasked } = homer
  return {
    limits: { maxBytes: enabled ? megabytes * mebibyte : 0, maxAgeMs: hours * hourMs },
    homer: homer.enabled ? { host, port, protocol, captureId, unmasked } : undefined,
  }
}

function healthOf(
  signalling: Signalling,
  { trace }: Settings,
): Pick<Parameters<Health['report']>[0], 'state' | 'detail' | 'advice'> {
  const { callsKept = 0, bytesKept = 0 } = signalling.counters()
  const kept = trace.enabled
    ? `Keeps the signalling of ${callsKept} calls in ${(bytesKept / mebibyte).toFixed(1)} of ${trace.megabytes} MB.`
    : 'No signalling is kept.'
  const problem = signalling.homerProblem
  if (problem !== undefined) {
    return {
      state: 'degraded',
      detail: `${kept} The Homer collector is not reached: ${problem}`,
      advice: 'Check address, port and transport of the collector under Settings, or switch it off.',
    }
  }
  if (!trace.enabled && !trace.homer.enabled) return { state: 'off', detail: kept, advice: undefined }
  const copies = trace.homer.enabled ? ` Copies go to Homer at ${trace.homer.host}.` : ''
  return { state: 'ok', detail: kept + copies, advice: undefined }
}
