/** A figure at a minute of the run. */
export interface Sample {
  minute: number
  mb: number
}

export interface Verdict {
  /** After warming up, and at the end: medians, because garbage comes and goes. */
  first: number
  last: number
  /** Megabytes per minute over the last half, by least squares, and the standard error of that. */
  slope: number
  slopeError: number
  flat: boolean
}

/** By so much of the first figure the last one may lie above it: what was not touched while warming up. */
const riseLimit = 0.25
/** By so much of the last figure the slope may add in `slopeMinutes`. */
const slopeLimit = 0.05
const slopeMinutes = 15
/** A process takes some minutes to its plateau: a last half that is shorter than this says nothing about leaks. */
const judgedMinutes = 4.5
const endSamples = 6

export const flatRule = `flat = the last figure is at most ${riseLimit * 100} % above the first (medians of ${endSamples} samples), and the slope of the last half, less twice its standard error, adds at most ${slopeLimit * 100} % in ${slopeMinutes} minutes; of a run of less than ten minutes the slope is only shown`

/** Whether a figure stays where it is. */
export function judge(samples: readonly Sample[]): Verdict {
  const first = median(samples.slice(0, endSamples))
  const last = median(samples.slice(-endSamples))
  const half = samples.slice(Math.floor(samples.length / 2))
  const { slope, slopeError } = lineThrough(half)
  const judged = (half.at(-1)?.minute ?? 0) - (half[0]?.minute ?? 0) >= judgedMinutes
  const rises = judged && (slope - 2 * slopeError) * slopeMinutes > last * slopeLimit
  return { first, last, slope, slopeError, flat: last <= first * (1 + riseLimit) && !rises }
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ mb }) => mb).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function lineThrough(samples: readonly Sample[]): { slope: number; slopeError: number } {
  const meanMinute = mean(samples.map(({ minute }) => minute))
  const meanMb = mean(samples.map(({ mb }) => mb))
  const spread = sum(samples.map(({ minute }) => (minute - meanMinute) ** 2))
  if (spread === 0) return { slope: 0, slopeError: 0 }
  const slope = sum(samples.map(({ minute, mb }) => (minute - meanMinute) * (mb - meanMb))) / spread
  const rest = sum(samples.map(({ minute, mb }) => (mb - meanMb - slope * (minute - meanMinute)) ** 2))
  const slopeError = samples.length > 2 ? Math.sqrt(rest / (samples.length - 2) / spread) : 0
  return { slope, slopeError }
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
