import type { CallParty } from '#src/model/call-record.ts'
import type { FlowAddress } from '#src/model/binding.ts'
import type { Line } from '#src/model/line.ts'
import type { User } from '#src/model/user.ts'
import { parseNameAddr } from '#src/sip/name-addr.ts'
import { parseUri, unescapeUser } from '#src/sip/uri.ts'
import type { PbxStore } from '../options.ts'
import type { IncomingRequest } from '../sip-port.ts'

/** Who calls: proven by digest (a line) or by certificate (Teams) before it is built. */
export type Caller = LineCaller | TeamsCaller

export interface LineCaller {
  kind: 'line'
  line: Line
  /** Who is signed in on the line. */
  user: User | undefined
  flow: FlowAddress
  party: CallParty
}

export interface TeamsCaller {
  kind: 'teams'
  user: undefined
  party: CallParty
}

/** A caller on one of our lines; he is presented as the user who is signed in there. */
export function lineCaller(
  line: Line,
  request: IncomingRequest,
  store: Pick<PbxStore, 'signIns' | 'users'>,
): LineCaller {
  const signIn = store.signIns.forLine(line.id)
  const user = signIn && store.users.find(signIn.userId)
  return { kind: 'line', line, user, flow: flowOf(request), party: lineParty(line, user) }
}

/** A caller behind Teams, as the From header presents him. */
export function teamsCaller(request: IncomingRequest): TeamsCaller {
  const from = parseNameAddr(request.get('From') ?? '')
  const user = from && parseUri(from.uri)?.user
  return {
    kind: 'teams',
    user: undefined,
    party: {
      kind: 'trunk',
      id: 'teams',
      number: user === undefined ? 'anonymous' : unescapeUser(user),
      displayName: from?.displayName,
    },
  }
}

/** A line as the log and the other side show it. */
export function lineParty(line: Line, user: User | undefined): CallParty {
  return {
    kind: 'line',
    id: line.id,
    number: user?.number ?? line.username,
    displayName: user?.displayName ?? line.label,
  }
}

/** The far end of the flow that a request came in on. */
export function flowOf(request: IncomingRequest): FlowAddress {
  const { protocol } = request
  return {
    protocol: isStream(protocol) ? protocol : 'udp',
    host: request.source_address,
    port: request.source_port,
  }
}

function isStream(protocol: string): protocol is Exclude<FlowAddress['protocol'], 'udp'> {
  return protocol === 'tls' || protocol === 'tcp' || protocol === 'ws' || protocol === 'wss'
}
