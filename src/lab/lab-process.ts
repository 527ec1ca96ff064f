import { systemClock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import { systemRandom } from '#src/base/random.ts'
import { createIpcLogger } from './ipc-logger.ts'
import { parseLabArguments } from './lab-options.ts'
import { startLabTenant, type LabTenant } from './lab-tenant.ts'
import { readToLab, toWire, type FromLab } from './protocol.ts'
import type { StartTeamsEdge } from './teams-edge-port.ts'

/** The part of `process` that the lab needs; `send` is there only in a forked process. */
export type LabHost = Pick<NodeJS.Process, 'argv' | 'send' | 'on' | 'exit'>

/**
 * Runs the lab as a forked process: starts it, tells the box where it is, obeys the box, and ends when the
 * box is gone. Resolves once the lab is up; the process then lives on its sockets and its channel.
 */
export async function runLabProcess(host: LabHost, startTeamsEdge: StartTeamsEdge): Promise<void> {
  const send = (message: FromLab): void => {
    // The channel may close while we speak: the box is gone, and so are we in a moment.
    host.send?.(message, undefined, undefined, () => undefined)
  }
  let lab: LabTenant | undefined
  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    await lab?.stop()
    host.exit(0)
  }
  const stopInOrder = (): void => {
    stop().catch(() => host.exit(1))
  }
  host.on('disconnect', stopInOrder)
  host.on('SIGTERM', stopInOrder)
  // Ctrl-C reaches the whole process group; the box stops its lab itself, after its own calls.
  host.on('SIGINT', () => undefined)
  host.on('message', (raw: unknown) => {
    const message = readToLab(raw)
    if (message?.kind === 'stop') stopInOrder()
    else if (message?.kind === 'box') lab?.setBox({ host: message.host, tlsPort: message.tlsPort })
  })
  try {
    lab = await startLabTenant({
      ...parseLabArguments(host.argv.slice(2)),
      startTeamsEdge,
      clock: systemClock,
      random: systemRandom,
      logger: createIpcLogger(send),
    })
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? `: ${errorText(error.cause)}` : ''
    host.send?.({ kind: 'failed', text: `${errorText(error)}${cause}` } satisfies FromLab, () => host.exit(1))
    return
  }
  send({ kind: 'ready', endpoints: toWire(lab.endpoints), pageUrl: lab.pageUrl, ports: lab.ports })
}
