/** Everything the box must know of a tenant to talk to it: Microsoft's or the lab's, told apart by data only. */
export interface TenantEndpoints {
  /** True for the lab tenant; then every page and log line says so. */
  lab: boolean
  tenantId: string
  /** The public client (device code grant) registered for the box. */
  clientId: string
  /** For example https://login.microsoftonline.com. */
  authorityHost: string
  /** For example https://graph.microsoft.com/v1.0. */
  graphUrl: string
  /** PEM certificates trusted for these hosts besides the public ones. */
  caPem: string[]
  trunk: TeamsTrunkEndpoints
}

/** The Direct Routing side of a tenant. */
export interface TeamsTrunkEndpoints {
  /** In order of preference: sip, sip2, sip3.pstnhub.microsoft.com or the lab's stand-ins. */
  hosts: TeamsHost[]
  /** The FQDN under which the tenant knows this box; stands in Contact and in the certificate. */
  sbcFqdn: string
  /** Certificate chain and key that the box presents to Teams. */
  certificatePem: string
  keyPem: string
  /** Roots that Teams' certificates chain to. */
  caPem: string[]
  /** Seconds become ms here: how often OPTIONS are sent; 60,000 with Microsoft. */
  optionsIntervalMs: number
}

/** One signalling host of Teams. */
export interface TeamsHost {
  name: string
  port: number
  /** Set only where DNS must not be asked (the lab). */
  address: string | undefined
}
