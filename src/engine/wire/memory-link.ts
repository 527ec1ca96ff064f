import type { MemoryLink } from '../memory-link.ts'
import { WireClient, type WireContext } from './wire-client.ts'

/**
 * A link to an application in this process: no framing, no bytes. Commands are obeyed at once; what the engine
 * says is heard in a later turn of the event loop, because the library notes what it waits for only after its
 * command was taken.
 */
export function openMemoryLink(context: WireContext): { link: MemoryLink; client: WireClient } {
  let closed = false
  const deliver = (payload: string): void => {
    if (!closed) link.onFrame?.(payload)
  }
  const client = new WireClient(
    context,
    {
      write(payload) {
        // One turn per frame, so that the promises of one are settled before the next is heard: a BYE right
        // behind its 200 must find the listeners that the application sets when its call is up.
        if (!closed) setImmediate(deliver, payload)
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
