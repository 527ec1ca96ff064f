/** A counter of the box as Prometheus names it. */
export interface FigureName {
  name: string
  kind: 'counter' | 'gauge'
  help: string
}

/** Counters that go down again: what is there now. Everything else only ever grows. */
const gauges =
  /(?:Alive|Open|Serving|Asking|Kept|Waiting|Standing|InUse|Total|Running|Known|[sS]essions|live|routes|overloaded)$/
/** Units by the word that names them; base units and the unit last (prometheus.io/docs/practices/naming). */
const units: Record<string, string> = { bytes: 'bytes', seconds: 'seconds', ms: 'milliseconds' }

/**
 * The name of a counter by its dotted name: `sip.bytesReceived` is `branchline_sip_received_bytes_total`. Whatever a
 * part begins to count shows up by itself.
 */
export function figureName(dotted: string): FigureName {
  const kind = gauges.test(dotted) ? 'gauge' : 'counter'
  const words = dotted
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '' && !(kind === 'gauge' && word === 'total'))
  const unit = words.find((word) => units[word] !== undefined)
  const named = unit === undefined ? words : [...words.filter((word) => word !== unit), units[unit] as string]
  const suffix = kind === 'counter' ? ['total'] : []
  const what = kind === 'gauge' ? 'now' : 'since the box started'
  return { name: ['branchline', ...named, ...suffix].join('_'), kind, help: `${dotted} of the box, ${what}` }
}
