import type { Socket } from 'node:net'

/** Resolves when the socket has closed, also by a reset: unlike `events.once`, which rejects with it. */
export const socketClosed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
