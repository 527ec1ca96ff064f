import type { SipRequest, SipResponse } from '#src/sip/message.ts'

/** A request outside dialogs that came through the direct door. */
export interface DirectRequest {
  readonly request: SipRequest
  /** Where it came from, as the packet said. */
  readonly peer: {
    readonly protocol: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'
    readonly host: string
    readonly port: number
  }
  /**
   * Answers it. Only what the application wants to say is given: Via, From, To, Call-ID and CSeq are the engine's.
   * Once there was a final response, or the request timed out, this does nothing.
   */
  readonly respond: (response: SipResponse) => void
}

/**
 * The way of a request to a part of this process that needs neither dialogs nor drachtio's protocol: the parsed
 * message itself, in the turn in which it arrived. For REGISTER, which comes a thousand times for every call.
 */
export interface DirectDoor {
  /** Gives requests of this method (upper case) to `handler`, in turn with other applications that ask for it. */
  serve(method: string, handler: (request: DirectRequest) => void): void
  /** What is not answered yet gets 503; later requests go to others, or get 503 as well. */
  close(): void
}
