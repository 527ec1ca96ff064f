// Preloaded into the box: `node --import=heap-watch.ts?FILE`. After each full collection, which nobody asks for, it notes
// what is left of the heap; asked-for collections would keep the heap smaller than it is in an office.
import { writeFileSync } from 'node:fs'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

const file = decodeURIComponent(new URL(import.meta.url).search.slice(1))

function isFull(entry: object): boolean {
  // The types know no details of this kind of entry.
  return (entry as { detail?: { kind?: number } }).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR
}

// Workers load it as well; the figures are those of the main thread.
if (isMainThread) {
  new PerformanceObserver((list) => {
    if (list.getEntries().some(isFull)) writeFileSync(file, String(process.memoryUsage().heapUsed))
  }).observe({ entryTypes: ['gc'] })
}
