/** A SIP account on a device. Its username is the user part of its AOR. */
export interface Line {
  id: string
  deviceId: string
  /** Random, unique on the box; also the digest username. */
  username: string
  /** Shown on the device while nobody is signed in. */
  label: string
  createdAtMs: number
}

/** What the SIP side needs to check a line's password; derived from the sealed password (RFC 8760, RFC 7616 3.4.2). */
export interface LineSecrets {
  /** MD5(username:realm:password), 32 hexadecimal digits. */
  ha1Md5: string
  /** SHA-256(username:realm:password), 64 hexadecimal digits. */
  ha1Sha256: string
  /** SHA-512-256(username:realm:password), 64 hexadecimal digits. */
  ha1Sha512: string
}
