import { readUserAgent } from './user-agents.ts'
import { isPlain, readMac, type Claim } from './claim.ts'

/**
 * Reads a plug-and-play SUBSCRIBE. Yealink puts its MAC into the user part of the request URI
 * (`sip:MAC001565f4f9e1@224.0.1.75`), others write `MAC%3a`, AudioCodes sends none.
 */
export function readPnp(pnp: {
  vendor?: string | undefined
  model?: string | undefined
  version?: string | undefined
  uri?: string | undefined
}): Claim | undefined {
  const { vendor, model, version, uri } = pnp
  const fromUri = isPlain(uri, 128)
    ? /^sips?:MAC(?:%3a)?(?<mac>[0-9a-f]{12})@/i.exec(uri)?.groups?.['mac']
    : undefined
  const mac = readMac(fromUri)
  if (fromUri !== undefined && mac === undefined) return undefined
  const claim =
    isPlain(vendor, 24) && isPlain(model, 24) && isPlain(version, 32)
      ? readTriple(vendor, model, version)
      : undefined
  if (!claim) return mac === undefined ? undefined : { mac }
  return { ...claim, mac }
}

/** The three parameters say what the SIP User-Agent says; so they are read by the same patterns. */
function readTriple(vendor: string, model: string, version: string): Claim | undefined {
  const brand = vendor.toLowerCase()
  if (brand === 'yealink') {
    const bare = model.replace(/^SIP-/i, '')
    return readUserAgent(`Yealink ${bare} ${version}`)
  }
  if (brand === 'audiocodes') return readUserAgent(`AUDC/${version} AUDC-IPPhone-${model}_${version}`)
  if (brand === 'polycom' || brand === 'poly') {
    return readUserAgent(`PolycomPnp-${model.replace(/^VVX ?(\d)/, 'VVX_$1')}-UA/${version}`)
  }
  return undefined
}
