/** What the setup wizard needs beside the parts of the box. */
export interface SetupOptions {
  /** Folder for the certificate that is shown to Teams; undefined = this box cannot keep an uploaded one. */
  certificateFolder?: string
  /** Whom the live checks ask; tests name their own servers. */
  probes?: Partial<ProbeTargets>
}

/** The outside world as the live checks know it. */
export interface ProbeTargets {
  /** A name that every working DNS server resolves. */
  dnsName: string
  /** DNS servers as `address:port`; undefined = the machine's own. */
  dnsServers: string[] | undefined
  /** UDP port of time servers (RFC 5905). */
  ntpPort: number
  /** HTTPS page whose Date header tells the time where no time server answers. */
  dateUrl: string
  /** The kernel's table of neighbours (proc(5), arp). */
  neighbours: string
  /** Entra and Graph for the check of the app registration. */
  identity: { authorityHost: string; graphUrl: string; caPem: string[] }
}
