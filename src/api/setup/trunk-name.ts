import { isIP } from 'node:net'

/** Microsoft's limit for the name of a gateway (facts: Direct Routing, FQDN rule). */
const maxTrunkName = 63
const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/
/** Names that no public authority signs and no public DNS has (RFC 6762, 8375, 2606). */
const privateEnds = ['local', 'lan', 'internal', 'localhost', 'home.arpa', 'test', 'example', 'invalid']

/** Says what is wrong with a name for the trunk, in one sentence; undefined when Teams can take it. */
export function trunkNameProblem(name: string): string | undefined {
  const wanted = name.trim().toLowerCase()
  if (wanted === '') return 'Enter the name under which Teams shall know this box.'
  if (isIP(wanted)) return 'Teams takes a name here, not an address.'
  const labels = wanted.split('.')
  if (labels.length < 2 || !labels.every((part) => label.test(part))) {
    return 'This is not a full name such as sbc.example.com.'
  }
  if (wanted.length > maxTrunkName) return `Teams takes names of at most ${maxTrunkName} characters.`
  if (wanted.endsWith('.onmicrosoft.com')) {
    return 'Teams takes no name under onmicrosoft.com: use a domain of your own that is verified in the tenant.'
  }
  const end = privateEnds.find((one) => wanted.endsWith(`.${one}`))
  if (end) return `No public authority signs a name under .${end}: use a domain of your own.`
  return undefined
}

/** A tenant or application id as Entra shows it. */
export function isEntraId(text: string): boolean {
  return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text.trim())
}
