/** Entra tenant id of the lab; the same in every lab, so that stored sign-ins survive a new data directory. */
export const labTenantId = '1ab7e4a4-0000-4000-8000-000000000001'

/** Client id of the public client that the lab tenant registered for the box. */
export const labClientId = '1ab7e4a4-0000-4000-8000-000000000002'

/** Resource id of Microsoft Graph: the audience of its access tokens, in the lab too. */
export const graphResourceId = '00000003-0000-0000-c000-000000000000'
