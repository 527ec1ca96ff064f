import { kamailioBase, startKamailio, type Kamailio } from './kamailio.ts'
import { freePort } from './free-port.ts'

/** A TLS port of Kamailio with a certificate of its own. */
export interface KamailioTlsPort {
  port: number
  certificateFile: string
  keyFile: string
  /** Asks for a client certificate of these authorities and refuses connections without. */
  requiredCaFile?: string
}

/** How Kamailio dials one of our addresses. */
export interface KamailioTlsDial {
  host: string
  certificateFile?: string
  keyFile?: string
  /** Only takes a server certificate of these authorities. */
  verifiedCaFile?: string
  /** The name it asks for (SNI); left out = none. */
  serverName?: string
}

/**
 * A Kamailio with many TLS identities: it answers OPTIONS on each of its ports, and passes what comes by UDP on to
 * our TLS port at the address in X-To, or at the first address for what has none.
 */
export async function startKamailioTls(options: {
  ports: KamailioTlsPort[]
  dials: KamailioTlsDial[]
  ourPort: number
}): Promise<Kamailio & { udpPort: number }> {
  const udpPort = await freePort()
  const { ports, dials, ourPort } = options
  const [first] = ports
  const pair = (certificate?: string, key?: string): string =>
    certificate === undefined || key === undefined
      ? ''
      : `private_key = ${key}\ncertificate = ${certificate}\n`
  const verify = (caFile: string | undefined, required: boolean): string =>
    caFile === undefined
      ? 'verify_certificate = no\nrequire_certificate = no\n'
      : `verify_certificate = yes\nrequire_certificate = ${required ? 'yes' : 'no'}\nca_list = ${caFile}\n`
  const tlsConfig = [
    `[server:default]\nmethod = TLSv1.2+\n${verify(undefined, false)}${pair(first?.certificateFile, first?.keyFile)}`,
    `[client:default]\nmethod = TLSv1.2+\n${verify(undefined, false)}`,
    ...ports.map(
      ({ port, certificateFile, keyFile, requiredCaFile }) =>
        `[server:127.0.0.1:${port}]\nmethod = TLSv1.2+\n${verify(requiredCaFile, true)}${pair(certificateFile, keyFile)}`,
    ),
    ...dials.map(
      ({ host, certificateFile, keyFile, verifiedCaFile }) =>
        `[client:any]\nserver_name = to-${host}\nserver_id = ${host}\nmethod = TLSv1.2+\n${verify(verifiedCaFile, true)}${pair(certificateFile, keyFile)}`,
    ),
  ].join('\n')
  const names = dials
    .filter(({ serverName }) => serverName !== undefined)
    .map(
      ({ host, serverName }) =>
        `  if ($hdr(X-To) == "${host}") { $xavp(tlscfg[0]=>server_name) = "${serverName}"; }`,
    )
  const config = (folder: string): string => `${kamailioBase(folder)}
enable_tls=yes
${ports.map(({ port }) => `listen=tls:127.0.0.1:${port}`).join('\n')}
listen=udp:127.0.0.1:${udpPort}
tcp_children=1
tcp_connect_timeout=3
loadmodule "tls.so"
modparam("tls", "config", "${folder}/tls.cfg")
modparam("tls", "xavp_cfg", "tlscfg")
modparam("tm", "fr_timer", 5000)
request_route {
  if ($proto == "tls") { if (is_method("OPTIONS")) { sl_send_reply("200","OK"); } exit; }
  if (is_method("OPTIONS") && $hdr(X-To) == $null) { sl_send_reply("200","OK"); exit; }
  if ($hdr(X-To) != $null) { $xavp(tlscfg=>server_id) = $hdr(X-To); $du = "sip:" + $hdr(X-To) + ":${ourPort};transport=tls"; }
${names.join('\n')}
  if ($hdr(X-To) == $null) { $du = "sip:${dials[0]?.host ?? '127.0.0.1'}:${ourPort};transport=tls"; }
  if (is_method("INVITE|OPTIONS")) { t_check_trans(); }
  t_relay();
}
`
  const started = await startKamailio(config, { 'tls.cfg': tlsConfig }, udpPort, 'udp')
  return { ...started, udpPort }
}
