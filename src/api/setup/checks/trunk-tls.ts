import { connect, type TLSSocket } from 'node:tls'
import { errorText } from '#src/base/errors.ts'
import type { Clock } from '#src/base/clock.ts'
import type { TeamsHost, TeamsTrunkEndpoints } from '#src/model/tenant.ts'
import { withinMs } from './check.ts'

const dialLimitMs = 5_000
/** With TLS 1.3 the far side judges our certificate after our handshake is over (RFC 8446 4.4.2.4). */
const judgementMs = 600

/** How a TLS connection to one signalling host went. */
export interface Dialled {
  name: string
  ok: boolean
  text: string
  advice?: string
}

/** Dials a signalling host as the trunk does, with our certificate and its roots, and hangs up. */
export async function dialTrunkHost(options: {
  host: TeamsHost
  trunk: TeamsTrunkEndpoints
  clock: Clock
  signal: AbortSignal
}): Promise<Dialled> {
  const { host, trunk, clock, signal } = options
  let socket: TLSSocket | undefined
  try {
    return await withinMs(clock, dialLimitMs, signal, async (limited) => {
      socket = connect({
        host: host.address ?? host.name,
        port: host.port,
        servername: host.name,
        cert: trunk.certificatePem,
        key: trunk.keyPem,
        ca: trunk.caPem,
        minVersion: 'TLSv1.2',
      })
      const opened = socket
      await until(opened, 'secureConnect', limited)
      const version = opened.getProtocol() ?? 'TLS'
      await refused(opened, clock, limited)
      return { name: host.name, ok: true, text: `answers with ${version}, both certificates are accepted` }
    })
  } catch (error) {
    signal.throwIfAborted()
    return { name: host.name, ok: false, ...explain(error, host) }
  } finally {
    socket?.destroy()
  }
}

function until(socket: TLSSocket, name: 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(name, () => resolve())
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}

/** Rejects when the far side hangs up on our certificate; resolves when it does not within a moment. */
async function refused(socket: TLSSocket, clock: Clock, signal: AbortSignal): Promise<void> {
  const calm = new AbortController()
  const cut = new Promise<never>((_resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed after the handshake')))
  })
  socket.resume()
  try {
    await Promise.race([clock.sleep(judgementMs, AbortSignal.any([signal, calm.signal])), cut])
  } finally {
    cut.catch(() => undefined)
    calm.abort()
  }
}

/** What a person does about each way in which it fails; by Node's and OpenSSL's codes. */
function explain(error: unknown, host: TeamsHost): { text: string; advice: string } {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const where = `${host.address ?? host.name} on TCP port ${host.port}`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { text: 'is not found in DNS', advice: 'Mend DNS first.' }
  }
  if (code === 'ECONNREFUSED') {
    return { text: 'refuses the connection', advice: `Check that the firewall lets the box reach ${where}.` }
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return { text: 'cannot be reached', advice: 'Check the gateway under Network.' }
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { text: 'does not answer', advice: `Let the box out to ${where} in the firewall.` }
  }
  if (/^ERR_SSL_.*(ALERT|UNKNOWN_CA)/.test(code) || /after the handshake/.test(errorText(error))) {
    return {
      text: 'does not take our certificate',
      advice: 'Use a certificate of a public authority that Microsoft trusts, with all its intermediates.',
    }
  }
  // Up to TLS 1.2 our certificate is judged within the handshake, and many say nothing when they refuse it.
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return {
      text: 'hangs up before the connection is secure',
      advice: `Either it does not take our certificate (use a public authority’s, with its intermediates), or a firewall before ${where} cuts TLS.`,
    }
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code)) {
    return {
      text: 'shows a certificate that is not trusted here',
      advice: 'Something between the box and Microsoft opens TLS: exclude the box from TLS inspection.',
    }
  }
  return { text: errorText(error), advice: `Check what stands between the box and ${where}.` }
}
