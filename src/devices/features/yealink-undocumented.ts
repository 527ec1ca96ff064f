/**
 * Values of Yealink's configuration that no document at hand settles. Each stands here once, so that a look at a
 * real phone is followed by one edit; UNDOCUMENTED.md says what is known of each.
 */
export const yealinkValues = {
  /** `account.X.srtp_encryption`: newer guides say 2 is compulsory and 1 optional, older comments the reverse. */
  srtpOn: 2,
  srtpOff: 0,
  /** `static.security.cn_validation`: whether an address in the certificate's SAN satisfies it is not said. */
  checkServerName: 1,
  /** `static.security.ca_cert`: built-in roots and ours, so that a phone can still reach its maker's services. */
  trustedRoots: 2,
  /** `linekey.N.type` of the keys whose numbers the facts do not list. */
  keyForward: 2,
  keyDoNotDisturb: 5,
  keyPrefix: 40,
  /**
   * The idle soft key is given by `programablekey.N` (2 is "Directory" from the factory), because the syntax of
   * `softkey.N.action` for a URL is not known.
   */
  idleSoftKey: 2,
  /** `overwrite_mode`: taken as "what no included file names goes back to the factory value". */
  overwriteAll: 1,
  overwriteNamed: 0,
  /** Where a locked phone finds the numbers that it still dials. */
  emergencyNumbers: 'phone_setting.emergency.number',
} as const
