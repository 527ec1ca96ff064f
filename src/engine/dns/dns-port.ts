/** One NAPTR record (RFC 3403 4), as far as SIP uses it. */
export interface NaptrRecord {
  order: number
  preference: number
  /** `s`: ask SRV next; `a`: ask for addresses next. */
  flags: string
  /** `SIP+D2U`, `SIPS+D2T`, … */
  service: string
  replacement: string
}

/** One SRV record (RFC 2782). */
export interface SrvRecord {
  priority: number
  weight: number
  port: number
  name: string
}

/** What is asked of DNS. A name without such records gives an empty list; a failing server rejects. */
export interface Dns {
  naptr(name: string): Promise<NaptrRecord[]>
  srv(name: string): Promise<SrvRecord[]>
  /** A and AAAA, in the order to try. */
  addresses(name: string): Promise<string[]>
}

/** The record types that are asked for. */
export type RecordType = 'A' | 'AAAA' | 'SRV' | 'NAPTR'

/** The records of each type. */
export interface Records {
  A: string
  AAAA: string
  SRV: SrvRecord
  NAPTR: NaptrRecord
}

/** What a server said about one name and type; no records = the name, or the type at it, does not exist. */
export interface Answer<Type extends RecordType> {
  records: Records[Type][]
  /** How long it may be used. */
  ttlMs: number
}

/** Asks servers; rejects when none of them answers. */
export type Ask = <Type extends RecordType>(type: Type, name: string) => Promise<Answer<Type>>
