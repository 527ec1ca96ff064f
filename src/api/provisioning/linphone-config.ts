import { formatEndpoint } from '#src/base/net.ts'

/** What a softphone needs to register. */
export interface SoftphoneAccount {
  displayName: string
  username: string
  password: string
  realm: string
  host: string
  transport: 'udp' | 'tcp' | 'tls'
  port: number
}

/**
 * The account as Linphone's remote provisioning XML (sections and entries of its configuration file).
 * `config-uri` is emptied because the link works once: Linphone would otherwise fetch it at each start.
 */
export function linphoneConfig(account: SoftphoneAccount): string {
  const server = formatEndpoint(account.host, account.port)
  const identity = `sip:${account.username}@${bracketed(account.host)}`
  const display = account.displayName.replace(/["\\\p{Cc}]/gu, '')
  const sections: Record<string, Record<string, string>> = {
    misc: { 'config-uri': '' },
    sip: { default_proxy: '0' },
    proxy_0: {
      reg_proxy: `<sip:${server};transport=${account.transport}>`,
      reg_identity: `"${display}" <${identity}>`,
      realm: account.realm,
      reg_sendregister: '1',
      reg_expires: '600',
      publish: '0',
    },
    auth_info_0: {
      username: account.username,
      userid: account.username,
      passwd: account.password,
      realm: account.realm,
    },
  }
  const lines = Object.entries(sections).flatMap(([name, entries]) => [
    `  <section name="${name}">`,
    ...Object.entries(entries).map(
      ([key, value]) => `    <entry name="${key}" overwrite="true">${escapeXml(value)}</entry>`,
    ),
    '  </section>',
  ])
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<config xmlns="http://www.linphone.org/xsds/lpconfig.xsd">',
    ...lines,
    '</config>',
    '',
  ].join('\n')
}

/** A host as it stands in a URI: IPv6 in brackets. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
