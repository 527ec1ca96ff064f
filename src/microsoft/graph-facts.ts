/**
 * What we believe about Entra and Graph, as data. This is the one place for what is not certain; each entry
 * that nobody here has seen with a real tenant says UNSEEN and what to check.
 */

/** Delegated permissions that the box's app registration needs. */
export const graphScopes = [
  'User.Read',
  // UNSEEN: an ordinary person's delegated token may not be enough to read their own configuration, because
  // the permission also asks for a Teams admin role. Then it needs app-only access with a certificate.
  'TeamsUserConfiguration.Read.All',
]

/** Service plans with which a person may use Teams Phone. */
export const phoneServicePlans: ReadonlySet<string> = new Set([
  'MCOEV',
  // UNSEEN: MCOCAP is the product (Teams Shared Devices); whether it also names a service plan of its own,
  // beside MCOEV, must be read from a tenant that has one. Accepting it costs nothing.
  'MCOCAP',
  // UNSEEN: names of the same plan in other offers.
  'MCOEV_GOV',
  'MCOEVSMB_1',
])

/** Provisioning states in which a plan counts; UNSEEN: whether a phone works while one is pending. */
export const usablePlanStates: ReadonlySet<string> = new Set(['Success', 'PendingProvisioning'])

/** Categories of an assigned telephone number, best first; a person is reached at the first. */
export const numberCategories = ['primary', 'alternate', 'private']

/** Entra error numbers that say for certain that the account is gone or switched off. */
export const accountEndedErrors: ReadonlySet<number> = new Set([50034, 50057])

/** What a person or the admin is told about an Entra error number (AADSTS). */
export const entraErrorTexts: ReadonlyMap<number, { text: string; advice?: string }> = new Map([
  [50034, { text: 'This account does not exist in the tenant.' }],
  [50057, { text: 'This account is disabled.' }],
  [50055, { text: 'The password of this account has expired.', advice: 'Change it in a browser first.' }],
  [50105, { text: 'This account is not assigned to the Branchline application.' }],
  [65001, { text: 'Nobody has consented to the Branchline application in this tenant.' }],
  [90094, { text: 'An administrator must consent to the Branchline application.' }],
  [
    700016,
    {
      text: 'The tenant does not know the application of this box.',
      advice: 'Check the application (client) id in the settings.',
    },
  ],
  [
    7000218,
    {
      text: 'The application of this box does not allow sign-in by code.',
      advice: 'Switch on "Allow public client flows" in the app registration.',
    },
  ],
  [90002, { text: 'There is no such tenant.', advice: 'Check the tenant id in the settings.' }],
  // UNSEEN: which of these a Conditional Access policy on the device code flow itself gives.
  [
    53003,
    {
      text: 'A Conditional Access policy of the tenant blocks this sign-in.',
      advice: 'Exclude this office or the Branchline application from the policy.',
    },
  ],
  [53000, { text: 'The tenant allows this sign-in only from a compliant device.' }],
  [53001, { text: 'The tenant allows this sign-in only from a domain-joined device.' }],
  [50072, { text: 'This account must set up multi-factor authentication first.' }],
  [50079, { text: 'This account must set up multi-factor authentication first.' }],
  [50074, { text: 'The tenant asks for multi-factor authentication.' }],
  [50076, { text: 'The tenant asks for multi-factor authentication.' }],
  [50158, { text: 'The tenant asks for another step that a phone cannot show.' }],
  [50173, { text: 'The password was changed or the sessions were revoked.' }],
  [70008, { text: 'The sign-in is too old for the tenant.' }],
  [70043, { text: 'The sign-in is too old for a policy of the tenant.' }],
  [700082, { text: 'The sign-in is too old for the tenant.' }],
])
