/** The pairing of a line with a user; kept until sign-out, also while the tenant cannot be reached. */
export interface SignIn {
  lineId: string
  userId: string
  signedInAtMs: number
  /** When the tenant last confirmed it; epoch ms. */
  verifiedAtMs: number
}
