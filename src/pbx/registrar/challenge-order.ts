/** The digest algorithms that a challenge offers, the preferred one first (RFC 8760 2.4). */
export type DigestAlgorithm = 'SHA-256' | 'MD5'

interface UserAgentRule {
  userAgent: RegExp
  offer: readonly DigestAlgorithm[]
  /** What the stack does with an ordinary challenge; seen on the wire. */
  because: string
}

/** Stacks that cannot read a challenge with two algorithms. Patterns are on User-Agent; real strings beside them. */
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
]

/**
 * Chooses what to offer. Everybody gets SHA-256 before MD5; a client that does not even name itself gets MD5
 * first, because the simplest stacks look at the first field only.
 */
export function challengeOrder(userAgent: string | undefined): readonly DigestAlgorithm[] {
  if (userAgent === undefined || userAgent.trim() === '') return ['MD5', 'SHA-256']
  return rules.find((rule) => rule.userAgent.test(userAgent))?.offer ?? ['SHA-256', 'MD5']
}
