/** The part of bencode that we use; the package has no types of its own. */
declare module 'bencode' {
  const bencode: {
    encode(value: unknown): Uint8Array
    /** Strings come back as bytes; giving an encoding breaks on dictionaries in 4.0.1. */
    decode(data: Uint8Array): unknown
  }
  export default bencode
}
