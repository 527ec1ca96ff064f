import type { MemoryLink } from '../memory-link.ts'
import { WireClient, type WireContext } from './wire-client.ts'

/**
 * A link to an application in this process: no framing, no bytes. Commands are obeyed at once; what the engine
 * says in one turn of the event loop is handed over together in the next, because the library notes what it
 * waits for only after its command was taken.
 */
export function openMemoryLink(context: WireContext): { link: MemoryLink; client: WireClient } {
  let toApplication: string[] = []
  let closed = false
  const flushToApplication = (): void => {
    const frames = toApplication
    toApplication = []
    for (const frame of frames) if (!closed) link.onFrame?.(frame)
  }
  const client = new WireClient(
    context,
    {
      write(payload) {
        if (closed) return
        if (toApplication.push(payload) === 1) setImmediate(flushToApplication)
      },
      close() {
        closed = true
      },
    },
    undefined,
  )
  const link: MemoryLink = {
    onFrame: undefined,
    send(frame) {
      if (closed) return
      client.receive(frame)
    },
    close() {
      if (closed) return
      closed = true
      client.disconnected()
    },
  }
  return { link, client }
}
