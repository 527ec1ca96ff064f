import { readFileSync, readdirSync } from 'node:fs'

/**
 * CPU time (user and system, ms) that all threads of a process and of its descendants have used so far. Read from
 * schedstat, which counts nanoseconds; the ticks of stat are too coarse for microseconds per message.
 */
export function cpuMs(pid: number): number {
  let nanoseconds = 0
  for (const each of [pid, ...descendants(pid)]) {
    for (const thread of threads(each)) {
      try {
        nanoseconds += Number(readFileSync(`/proc/${each}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
      } catch {
        // It ended between the listing and the reading.
      }
    }
  }
  return nanoseconds / 1e6
}

function threads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function descendants(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // Gone already.
    }
  }
  const found: number[] = []
  const visit = (of: number): void => {
    for (const [child, parent] of parents) {
      if (parent !== of) continue
      found.push(child)
      visit(child)
    }
  }
  visit(pid)
  return found
}
