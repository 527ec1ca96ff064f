import type { FileName } from '../file-names.ts'

/**
 * Files of Yealink phones in the order in which V81 and later ask for them; the second only when the first is
 * missing, the rest only when both are, or when a boot file names them.
 */
export const yealinkFiles: readonly FileName[] = [
  { name: '{mac}.boot', kind: 'boot' },
  { name: 'y000000000000.boot', kind: 'boot' },
  { name: 'y000000000{number}.cfg', kind: 'common' },
  { name: '{mac}.cfg', kind: 'device' },
]
