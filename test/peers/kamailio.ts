import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:net'
import { createSocket } from 'node:dgram'
import { freePort } from './free-port.ts'

/** A running Kamailio from Debian. */
export interface Kamailio {
  port: number
  pid: number
  log(): string
  stop(): Promise<void>
}

/** The head of every configuration: modules, and one worker. */
export const kamailioBase = (folder: string): string => `
debug=1
log_stderror=yes
children=1
disable_tcp=no
auto_aliases=no
dns_cache_init=off
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "unix:${folder}/ctl")
modparam("rr", "enable_full_lr", 1)
`

/**
 * The far end of a trunk: takes calls by mutual TLS (a client certificate of our CA is required), sends them on
 * by UDP to `forwardTo`, and answers OPTIONS itself.
 */
export async function startKamailioTrunk(options: {
  caFile: string
  certificateFile: string
  keyFile: string
  forwardTo: { host: string; port: number }
}): Promise<Kamailio> {
  const tlsPort = await freePort()
  const udpPort = await freePort()
  const tlsConfig = `[server:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = ${options.keyFile}
certificate = ${options.certificateFile}
ca_list = ${options.caFile}
[client:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = ${options.keyFile}
certificate = ${options.certificateFile}
`
  const config = (folder: string): string => `${kamailioBase(folder)}
enable_tls=yes
listen=tls:127.0.0.1:${tlsPort}
listen=udp:127.0.0.1:${udpPort}
tcp_children=1
tcp_connection_lifetime=3605
loadmodule "tls.so"
modparam("tls", "config", "${folder}/tls.cfg")
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483","Too Many Hops"); exit; }
  if (is_method("OPTIONS") && uri==myself) { sl_send_reply("200","OK"); exit; }
  if (is_method("OPTIONS")) { sl_send_reply("200","OK"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
    sl_send_reply("404","Not here"); exit;
  }
  t_check_trans();
  if (is_method("INVITE")) {
    if (!($ct =~ "@box\\.load\\.example")) { sl_send_reply("403","Contact is not the name in the certificate"); exit; }
    record_route();
    $du = "sip:${options.forwardTo.host}:${options.forwardTo.port};transport=udp";
    t_relay();
    exit;
  }
  sl_send_reply("405","Method Not Allowed");
}
`
  return startKamailio(config, { 'tls.cfg': tlsConfig }, tlsPort, 'tcp')
}

/** A registrar with digest authentication and in-memory locations, one UDP worker: the peer of the benchmarks. */
export async function startKamailioRegistrar(options: {
  realm: string
  password: string
}): Promise<Kamailio> {
  const port = await freePort()
  const config = (folder: string): string => `${kamailioBase(folder)}
listen=udp:127.0.0.1:${port}
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 3600)
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483","Too Many Hops"); exit; }
  if (is_method("OPTIONS")) { sl_send_reply("200","OK"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
    sl_send_reply("404","Not here"); exit;
  }
  t_check_trans();
  if (is_method("REGISTER")) {
    if (!pv_www_authenticate("${options.realm}", "${options.password}", "0")) {
      www_challenge("${options.realm}", "0"); exit;
    }
    save("location");
    exit;
  }
  if (is_method("INVITE")) {
    if (!pv_proxy_authenticate("${options.realm}", "${options.password}", "0")) {
      proxy_challenge("${options.realm}", "0"); exit;
    }
    consume_credentials();
    record_route();
    if (!lookup("location")) { sl_send_reply("404","Not Found"); exit; }
    t_relay();
    exit;
  }
  sl_send_reply("405","Method Not Allowed");
}
`
  return startKamailio(config, {}, port, 'udp')
}

/**
 * An edge proxy between phones and the box, both over UDP: writes itself and the phone's address into Path (RFC 3327)
 * and follows the Route that comes of it; stays in dialogs as well.
 */
export async function startKamailioEdge(options: { boxPort: number }): Promise<Kamailio> {
  const port = await freePort()
  const box = `sip:127.0.0.1:${options.boxPort}`
  const config = (folder: string): string => `${kamailioBase(folder)}
listen=udp:127.0.0.1:${port}
loadmodule "path.so"
modparam("path", "use_received", 1)
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483","Too Many Hops"); exit; }
  if (is_method("OPTIONS") && uri==myself) { sl_send_reply("200","OK"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
    sl_send_reply("404","Not here"); exit;
  }
  t_check_trans();
  if (is_method("REGISTER")) {
    force_rport();
    add_path_received();
    $du = "${box}";
    t_relay();
    exit;
  }
  record_route();
  if ($sp == ${options.boxPort}) {
    # The Route that our Path became names the phone's address as well (the result says "preloaded", which is negative).
    if (!has_totag()) { loose_route(); }
    t_relay();
    exit;
  }
  $du = "${box}";
  t_relay();
}
`
  return startKamailio(config, {}, port, 'udp')
}

/** Starts Kamailio with a configuration and files beside it; ready once `port` answers. */
export async function startKamailio(
  config: (folder: string) => string,
  files: Record<string, string>,
  port: number,
  probe: 'tcp' | 'udp',
): Promise<Kamailio> {
  const folder = mkdtempSync(join(tmpdir(), 'kamailio-'))
  writeFileSync(join(folder, 'kamailio.cfg'), config(folder))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const child = spawn(
    'kamailio',
    [
      '-f',
      join(folder, 'kamailio.cfg'),
      '-DD',
      '-E',
      '-Y',
      folder,
      '-P',
      join(folder, 'pid'),
      '-m',
      '256',
      '-M',
      '16',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  )
  let log = ''
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-40_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const stop = (): Promise<void> => stopGroup(child, folder)
  const deadline = performance.now() + 30_000
  while (!(await (probe === 'tcp' ? answersTcp(port) : answersOptions(port)))) {
    if (hasEnded(child) || performance.now() > deadline) {
      await stop()
      throw new Error(`kamailio did not start:\n${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { port, pid: child.pid as number, log: () => log, stop }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

async function stopGroup(child: ChildProcess, folder: string): Promise<void> {
  const { pid } = child
  if (!hasEnded(child) && pid !== undefined) {
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
    process.kill(-pid, 'SIGTERM')
    const force = setTimeout(() => {
      // Its first process may have ended and left others behind: then it is known by the group alone.
      try {
        process.kill(-pid, 'SIGKILL')
      } catch {
        // The last of them ended just now.
      }
    }, 5000)
    await gone
    clearTimeout(force)
  }
  rmSync(folder, { recursive: true, force: true })
}

function answersTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** True once an OPTIONS to this UDP port is answered. */
export function answersOptions(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  return new Promise((resolve) => {
    const finish = (ok: boolean): void => {
      clearTimeout(timer)
      socket.close()
      resolve(ok)
    }
    const timer = setTimeout(() => finish(false), 300)
    socket.on('message', () => finish(true))
    socket.on('error', () => finish(false))
    socket.bind(0, '127.0.0.1', () => {
      const own = socket.address().port
      const branch = `z9hG4bK${Math.random().toString(36).slice(2)}`
      socket.send(
        `OPTIONS sip:127.0.0.1:${port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${own};branch=${branch};rport\r\n` +
          `From: <sip:probe@127.0.0.1>;tag=${branch}\r\nTo: <sip:127.0.0.1>\r\nCall-ID: ${branch}\r\nCSeq: 1 OPTIONS\r\n` +
          'Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n',
        port,
        '127.0.0.1',
      )
    })
  })
}
