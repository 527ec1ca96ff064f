import type { CallSide } from './call-side.ts'
import type { TraceSide } from './trace-side.ts'

/** Gathers what every running part counts, each name with its part before it: `media.sessions`. */
export async function readCounters(
  { engine, relay, pbx }: CallSide,
  { signalling }: Pick<TraceSide, 'signalling'>,
): Promise<Record<string, number>> {
  const totals = relay ? await relay.totals() : undefined
  return {
    ...named('sip', engine?.counters()),
    ...named('trace', signalling.counters()),
    ...named('media', totals && { ...totals }),
    ...named('calls', pbx && { ...pbx.counters(), live: pbx.liveCalls().length }),
  }
}

function named(part: string, counters: Record<string, number> | undefined): Record<string, number> {
  return Object.fromEntries(Object.entries(counters ?? {}).map(([name, value]) => [`${part}.${name}`, value]))
}
