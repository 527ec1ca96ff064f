/** The parts of drachtio-srf 5.0.29 that its own declarations leave out and connect-srf.ts builds on. */
declare module 'drachtio-srf/lib/wire-protocol.js' {
  import type { EventEmitter } from 'node:events'
  import type { Socket } from 'node:net'

  class WireProtocol extends EventEmitter {
    /** Set before a wanted end: no reconnection. */
    closing?: boolean
    reconnectVars?: { retryTimer?: NodeJS.Timeout | null }
    constructor(options: object)
    connect(options: object): void
    send(socket: Socket, message: string): string
    startPinging(socket: Socket): void
    disconnect(socket: Socket): void
  }
  export = WireProtocol
}
