/** The part of sdp-transform that we use; the package has no types of its own. */
declare module 'sdp-transform' {
  export interface TransformMedia {
    type?: string
    port?: number
    protocol?: string
    payloads?: string | number
    connection?: { version: number; ip: string | number }
    rtp?: { payload: number; codec: string | number; rate?: number; encoding?: string | number }[]
    fmtp?: { payload: number; config: string | number }[]
    rtcp?: { port: number; netType?: string; ipVer?: number; address?: string }
    rtcpMux?: string
    direction?: string
    ptime?: number | string
    maxptime?: number | string
    crypto?: { id: number; suite: string; config: string; sessionConfig?: string }[]
    invalid?: { value: string | number }[]
  }
  export interface TransformSession {
    version?: number
    origin?: {
      username: string | number
      sessionId: string | number
      sessionVersion: number
      netType: string
      ipVer: number
      address: string
    }
    name?: string | number
    timing?: { start: number; stop: number }
    connection?: { version: number; ip: string | number }
    direction?: string
    invalid?: { value: string | number }[]
    media: TransformMedia[]
  }
  export function parse(sdp: string): TransformSession
  export function write(session: TransformSession): string
}
