import { isIPv6 } from 'node:net'
import { addressBytes } from './sip-packets.ts'
import type { TracedMessage } from './traced-message.ts'

// Wireshark's "exported PDU" (LINKTYPE_WIRESHARK_UPPER_PDU, 252): tags of epan/exported_pdu.h, then the message.
const tag = {
  dissector: 12,
  ipv4Source: 20,
  ipv4Target: 21,
  ipv6Source: 22,
  ipv6Target: 23,
  portType: 24,
  sourcePort: 25,
  targetPort: 26,
} as const
const portTypeTcp = 2
const endOfTags = Buffer.alloc(4)

/**
 * A message with its ends and the word that it is SIP, but without packets. For WebSocket: its ports are those of web
 * servers, and a reader would look for HTTP in them.
 */
export function exportedPdu({ flow, sent, bytes }: TracedMessage): Buffer {
  const six = isIPv6(flow.localHost) || isIPv6(flow.remoteHost)
  const local = { address: addressBytes(flow.localHost, six), port: flow.localPort }
  const remote = { address: addressBytes(flow.remoteHost, six), port: flow.remotePort }
  const [source, target] = sent ? [local, remote] : [remote, local]
  return Buffer.concat([
    tagged(tag.dissector, Buffer.from('sip\0')),
    tagged(six ? tag.ipv6Source : tag.ipv4Source, source.address),
    tagged(six ? tag.ipv6Target : tag.ipv4Target, target.address),
    tagged(tag.portType, number32(portTypeTcp)),
    tagged(tag.sourcePort, number32(source.port)),
    tagged(tag.targetPort, number32(target.port)),
    endOfTags,
    bytes,
  ])
}

/** Every value here is a multiple of four bytes long, as it must be. */
function tagged(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value])
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value, 0)
  return bytes
}
