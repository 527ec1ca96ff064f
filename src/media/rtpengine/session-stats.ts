import type { LegStats, RelayTotals, SessionStats, Side } from '#src/media/media-relay.ts'
import { asDictionary, asList, asNumber, asText, type NgDictionary } from './ng-client.ts'

/**
 * Reads the reply to `query`. rtpengine counts what comes in per stream; what went out to one side is what came in
 * from the other. It tells neither loss nor jitter without RTCP reports, and sums all refusals as errors.
 */
export function sessionStats(reply: NgDictionary): SessionStats {
  const caller = legStats(reply, 'caller')
  const callee = legStats(reply, 'callee')
  return {
    caller: { ...caller, sentPackets: callee.receivedPackets },
    callee: { ...callee, sentPackets: caller.receivedPackets },
  }
}

function legStats(reply: NgDictionary, side: Side): LegStats {
  const tag = asDictionary(asDictionary(reply.tags)?.[side])
  const media = asList(tag?.medias)
    .map(asDictionary)
    .find((entry) => entry?.type === 'audio')
  const streams = asList(media?.streams).map(asDictionary)
  const stream = streams.find((entry) => asList(entry?.flags).includes('RTP'))
  const counters = asDictionary(stream?.stats)
  const endpoint = asDictionary(stream?.endpoint)
  const receivedPackets = asNumber(counters?.packets)
  return {
    profile: asText(media?.protocol).includes('SAVP') ? 'RTP/SAVP' : 'RTP/AVP',
    receivedPackets,
    receivedBytes: asNumber(counters?.bytes),
    sentPackets: 0,
    lostPackets: 0,
    jitterMs: 0,
    badTag: asNumber(counters?.errors),
    replayed: 0,
    foreignSource: 0,
    malformed: 0,
    peer:
      receivedPackets > 0 && typeof endpoint?.address === 'string'
        ? { host: endpoint.address, port: asNumber(endpoint.port) }
        : undefined,
  }
}

/** Reads the reply to `statistics`: sessions and ports of the whole rtpengine, also those of other clients. */
export function relayTotals(reply: NgDictionary): RelayTotals {
  const statistics = asDictionary(reply.statistics)
  const ports = asList(statistics?.interfaces).map((entry) => asDictionary(asDictionary(entry)?.ports))
  return {
    sessions: asNumber(asDictionary(statistics?.currentstatistics)?.sessionstotal),
    portsInUse: ports.reduce((sum, entry) => sum + asNumber(entry?.used), 0),
    portsTotal: ports.reduce((sum, entry) => sum + asNumber(entry?.totals), 0),
  }
}

/** Seconds since rtpengine started, from the reply to `statistics`. */
export function uptimeS(reply: NgDictionary): number {
  return asNumber(asDictionary(asDictionary(reply.statistics)?.totalstatistics)?.uptime)
}
