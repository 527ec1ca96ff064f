import type { SipRequest } from '#src/sip/message.ts'
import { tagOf } from '#src/sip/name-addr.ts'
import type { NewWorkGate } from '../transaction/new-work-gate.ts'
import type { Flow } from '../transport/transport-port.ts'
import type { BanGuard } from './guard.ts'
import type { OverloadControl } from './overload.ts'

/** Joins what judges new requests; undefined where neither guard nor overload control is on. */
export function createNewWorkGate(
  guard: BanGuard | undefined,
  overload: OverloadControl | undefined,
): NewWorkGate | undefined {
  if (!guard && !overload) return undefined
  return {
    admits(request, flow, serverTransactions) {
      if (guard && isFromScanner(guard, request, flow)) return false
      return overload === undefined || overload.admits(request, flow, serverTransactions)
    },
    admitsClient: (clientTransactions) => overload?.admitsClient(clientTransactions) ?? true,
    answered(request, flow, status) {
      if (request.method === 'REGISTER') overload?.registerDone()
      else if (guard && meansNobody(status)) noteNobody(guard, request, flow)
    },
  }
}

function isFromScanner(guard: BanGuard, request: SipRequest, flow: Flow): boolean {
  const userAgent = request.headers.get('User-Agent')
  if (userAgent === undefined || !guard.namesScanner(userAgent)) return false
  return guard.dropsScanner(flow.remoteHost, evidenceOf(request, flow))
}

/** Forbidden, unknown or half a number. Challenges are everyday, and a REGISTER is the registrar's to judge. */
function meansNobody(status: number): boolean {
  return status === 404 || status === 484 || status === 403 || status === 604
}

function noteNobody(guard: BanGuard, request: SipRequest, flow: Flow): void {
  if (tagOf(request.headers.get('To') ?? '') !== undefined) return
  guard.note(flow.remoteHost, { kind: 'nobody', subject: request.uri, ...evidenceOf(request, flow) })
}

function evidenceOf(request: SipRequest, flow: Flow): { proven: boolean; head: () => Buffer } {
  return { proven: flow.protocol !== 'udp', head: () => headOf(request) }
}

/** Written anew: the bytes themselves are gone. */
function headOf({ method, uri, headers }: SipRequest): Buffer {
  const fields = ['From', 'To', 'User-Agent'].map((name) => `${name}: ${headers.get(name) ?? ''}`)
  return Buffer.from([`${method} ${uri} SIP/2.0`, ...fields].join('\r\n').slice(0, 1500), 'latin1')
}
