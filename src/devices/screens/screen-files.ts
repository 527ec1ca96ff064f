/**
 * Names of a device's screen pages, below the `pageUrl` of its view: what its keys fetch, so what provisioning
 * must answer.
 */
export const screenFiles = {
  /** Starts a sign-in, or shows the one that runs: address, code, time left. */
  signIn: 'sign-in.xml',
  /** Signs the person out whose line this is. */
  signOut: 'sign-out.xml',
} as const
