// Loaded before a file of drachtio-srf's suite: shows it loopback addresses in place of its containers'. The files
// on the disk stay as they were shipped.
import { registerHooks } from 'node:module'
import { onLoopback } from './rewrite.ts'

registerHooks({
  load(url, context, nextLoad) {
    const result = nextLoad(url, context)
    const { source } = result
    if (!url.includes('/drachtio-srf/test/') || source === null || source === undefined) return result
    const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString()
    return { ...result, source: onLoopback(text) }
  },
})
