import {
  masterKeyBytes,
  masterSaltBytes,
  srtpSuites,
  type SrtpKey,
  type SrtpSuite,
} from '#src/rtp/key-derivation.ts'

/** An a=crypto line that we can speak (RFC 4568 9.1). Its key is secret: never log it. */
export interface CryptoLine {
  tag: number
  key: SrtpKey
  /** Packets that the key may serve, as the peer wishes; undefined = the most that SRTP allows. */
  lifetimePackets: number | undefined
}

/**
 * Reads the value of an a=crypto line; undefined when the line is broken or asks for something that we do not
 * speak (another suite, several keys, encryption or authentication switched off). SDES lets the next line be tried.
 */
export function parseCryptoLine(value: string): CryptoLine | undefined {
  const [tag, suiteName, keyParams, ...sessionParams] = value.trim().split(/[ \t]+/)
  if (tag === undefined || !/^\d{1,9}$/.test(tag) || keyParams === undefined) return undefined
  const suite = srtpSuites.find((known) => known === suiteName?.toUpperCase())
  if (suite === undefined || !sessionParams.every(isHarmless)) return undefined
  const key = parseInline(keyParams, suite)
  return key && { tag: Number(tag), ...key }
}

/** Writes the value of an a=crypto line: one key, with its MKI if it has one (ours never do), no lifetime. */
export function formatCryptoLine(tag: number, key: SrtpKey): string {
  const text = `${tag} ${key.suite} inline:${Buffer.concat([key.masterKey, key.masterSalt]).toString('base64')}`
  if (!key.mki) return text
  return `${text}|${key.mki.reduce((value, byte) => value * 256 + byte, 0)}:${key.mki.length}`
}

/** Cuts 30 random bytes into a master key and its salt. */
export function keyFromBytes(suite: SrtpSuite, bytes: Uint8Array): SrtpKey {
  return {
    suite,
    masterKey: bytes.subarray(0, masterKeyBytes),
    masterSalt: bytes.subarray(masterKeyBytes, masterKeyBytes + masterSaltBytes),
  }
}

function parseInline(text: string, suite: SrtpSuite): Omit<CryptoLine, 'tag'> | undefined {
  // A second key would need an MKI on each packet to be told apart (RFC 4568 6.1).
  const match = /^inline:([A-Za-z0-9+/]{40})((?:\|[^|;]+){0,2})$/i.exec(text)
  if (!match) return undefined
  const bytes = Buffer.from(match[1] ?? '', 'base64')
  const key = keyFromBytes(suite, bytes)
  let lifetimePackets: number | undefined
  for (const part of (match[2] ?? '').split('|').slice(1)) {
    if (part.includes(':')) {
      const mki = parseMki(part)
      if (mki === undefined || key.mki !== undefined) return undefined
      key.mki = mki
    } else {
      // RFC 4568 9.1 puts the lifetime before the MKI and allows it once.
      if (lifetimePackets !== undefined || key.mki !== undefined) return undefined
      lifetimePackets = parseLifetime(part)
      if (lifetimePackets === undefined) return undefined
    }
  }
  return { key, lifetimePackets }
}

function parseLifetime(text: string): number | undefined {
  const power = /^2\^(\d{1,2})$/.exec(text)
  const packets = power ? 2 ** Number(power[1]) : /^\d{1,15}$/.test(text) ? Number(text) : 0
  return packets > 0 && packets <= 2 ** 48 ? packets : undefined
}

function parseMki(text: string): Uint8Array | undefined {
  const match = /^(\d{1,15}):(\d{1,3})$/.exec(text)
  const length = Number(match?.[2] ?? 0)
  if (!match || length < 1 || length > 128) return undefined
  const value = Number(match[1])
  if (length < 7 && value >= 2 ** (8 * length)) return undefined
  const bytes = new Uint8Array(length)
  for (let index = length - 1, rest = value; index >= 0; index--, rest = Math.floor(rest / 256))
    bytes[index] = rest
  return bytes
}

/** RFC 4568 6.3: parameters that change nothing for us; an unknown one may be skipped only with a leading dash. */
function isHarmless(parameter: string): boolean {
  return /^(KDR=0|WSH=\d+|-.*)$/i.test(parameter)
}
