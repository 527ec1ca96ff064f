import type { DigestHash } from '#src/sip/digest.ts'

interface UserAgentRule {
  userAgent: RegExp
  offer: readonly DigestHash[]
  /** What the stack does with an ordinary challenge; seen on the wire. */
  because: string
}

/** Stacks that cannot read a challenge with several algorithms. Patterns are on User-Agent; real strings beside them. */
const rules: readonly UserAgentRule[] = [
  {
    // baresip v1.0.0 (x86_64/linux)
    userAgent: /^baresip v[012]\./i,
    offer: ['MD5'],
    because: 'gives up ("Function not implemented") as soon as one field names another algorithm than MD5',
  },
  {
    // SIPp names itself only when the scenario does.
    userAgent: /^SIPp\b/i,
    offer: ['MD5'],
    because: 'reads the first field only and knows MD5 alone',
  },
  {
    // Linphonec/5.1.65; the apps on its library name themselves LinphoneAndroid/…, LinphoneiOS/…, … belle-sip/….
    userAgent: /\bLinphone|\bbelle-sip\//i,
    offer: ['SHA-256', 'MD5'],
    because:
      'gives up ("unsupported algo") at a field with SHA-512-256, also when one that it knows stands below',
  },
]

const strength: readonly DigestHash[] = ['MD5', 'SHA-256', 'SHA-512-256']

/**
 * Chooses what to offer of what is allowed, preferred first (RFC 8760 2.4). A client that does not even name itself
 * gets the weakest first, because the simplest stacks look at the first field only. Never more than is allowed: who
 * knows only what is not gets a challenge that he cannot answer.
 */
export function challengeOrder(
  userAgent: string | undefined,
  allowed: readonly DigestHash[],
): readonly DigestHash[] {
  if (allowed.length < 2) return allowed
  if (userAgent === undefined || userAgent.trim() === '') {
    return strength.filter((algorithm) => allowed.includes(algorithm))
  }
  const rule = rules.find((entry) => entry.userAgent.test(userAgent))
  const readable = rule?.offer.filter((algorithm) => allowed.includes(algorithm)) ?? []
  return readable.length > 0 ? readable : allowed
}
