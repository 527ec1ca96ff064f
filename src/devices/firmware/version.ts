/**
 * A firmware version in comparable form. Two versions of different `scale`s, or of different `branch`es of one
 * order, have no order: vendors count them apart.
 */
export interface FirmwareVersion {
  /** Versions are compared within one scale only, for example AudioCodes' 2.x train. */
  scale: string
  /** Compared first, number by number; what is missing counts as zero. */
  major: readonly number[]
  /** Builds of one major that the vendor counts apart (a customer's build, MSR beside MPP); empty: none named. */
  strand: string
  /** Compared within one strand. */
  minor: readonly number[]
}

/** Compares number by number, the shorter list continued with zeros. */
export function compareNumbers(a: readonly number[], b: readonly number[]): -1 | 0 | 1 {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return 0
}

/**
 * Orders two versions: -1, 0, 1, or undefined where the vendor defines no order between them. A version that names
 * no strand comes before every strand of the same major: it stands for the release as a whole.
 */
export function compareFirmware(a: FirmwareVersion, b: FirmwareVersion): -1 | 0 | 1 | undefined {
  if (a.scale !== b.scale) return undefined
  const byMajor = compareNumbers(a.major, b.major)
  if (byMajor !== 0) return byMajor
  if (a.strand !== b.strand) {
    if (a.strand === '') return -1
    return b.strand === '' ? 1 : undefined
  }
  return compareNumbers(a.minor, b.minor)
}
