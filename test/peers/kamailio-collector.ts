import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { kamailioBase, startKamailio, type Kamailio } from './kamailio.ts'

/** One message as the collector wrote it down: what it understood of a HEP packet. */
export interface Collected {
  atUs: number
  method: string
  callId: string
  source: string
  destination: string
  /** 1 = UDP, 2 = TCP. */
  transport: number
  /** 2 = IPv4, 10 = IPv6. */
  family: number
  /** `homer01:` and the capture id. */
  node: string
  /** The message, escaped. */
  message: string
}

/**
 * Kamailio's sipcapture module as a Homer collector. Its UDP port takes nothing but HEP, so that it is known to be up
 * by its TCP port.
 */
export async function startKamailioCollector(): Promise<Kamailio & { collected(): Collected[] }> {
  const port = await freePort()
  let table = ''
  const config = (folder: string): string => {
    table = folder
    return `${kamailioBase(folder)}
listen=udp:127.0.0.1:${port}
listen=tcp:127.0.0.1:${port}
tcp_children=1
loadmodule "db_flatstore.so"
loadmodule "sipcapture.so"
modparam("db_flatstore", "flush", 1)
modparam("sipcapture", "db_url", "flatstore:${folder}")
modparam("sipcapture", "capture_on", 1)
modparam("sipcapture", "hep_capture_on", 1)
request_route {
  sip_capture();
  exit;
}
`
  }
  const kamailio = await startKamailio(config, {}, port, 'tcp')
  return { ...kamailio, collected: () => readTable(table) }
}

// Columns of sipcapture's own table: 1 micro_ts, 2 method, 13 callid, 22 to 25 source and destination, 30 proto,
// 31 family, 34 node, 40 msg.
function readTable(folder: string): Collected[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.startsWith('sip_capture_'))
    .flatMap((name) => readFileSync(join(folder, name), 'latin1').split('\n'))
    .filter((line) => line !== '')
    .map((line) => {
      const column = line.split('|')
      const at = (index: number): string => column[index] ?? ''
      return {
        atUs: Number(at(1)),
        method: at(2),
        callId: at(13),
        source: `${at(22)} ${at(23)}`,
        destination: `${at(24)} ${at(25)}`,
        transport: Number(at(30)),
        family: Number(at(31)),
        node: at(34),
        message: at(40),
      }
    })
}
