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

declare module 'drachtio-srf/lib/sip-parser/parser.js' {
  namespace parser {
    interface Parsed {
      version: string
      method?: string
      uri?: string
      status?: number
      reason?: string
      headers: Record<string, string>
      body?: string
      payload?: { type: string | undefined; content: string }[]
    }
  }
  const parser: {
    getHeaderName: (written: string) => string
    parseSipMessage: (text: string, lazy?: boolean) => parser.Parsed | undefined
  }
  export = parser
}

declare module 'drachtio-srf/lib/sip-parser/message.js' {
  class SipMessage {
    headers: Record<string, string>
    constructor(text: string)
    get(name: string): string | undefined
    has(name: string): boolean
    getHeaderName: (this: SipMessage, name: string) => string | undefined
    toJSON?: () => unknown
  }
  export = SipMessage
}
