import type { DeviceView, LineView, ServerView } from '../device-view.ts'
import { plainText, type Setting } from '../render/cfg-text.ts'
import { keyWords } from './yealink-words.ts'
import { yealinkValues } from './yealink-undocumented.ts'

/** Transports by their number in `sip_server.Y.transport_type`; SRTP keys travel in SDP, so only TLS carries them. */
function transportOf(server: ServerView): { type: number; port: number | undefined; secure: boolean } {
  if (server.tlsPort !== undefined) return { type: 2, port: server.tlsPort, secure: true }
  if (server.tcpPort !== undefined) return { type: 1, port: server.tcpPort, secure: false }
  return { type: 0, port: server.udpPort, secure: false }
}

/** What the screen says beside the line: who is signed in, or what the line is called. */
export function lineLabel(view: DeviceView, line: LineView): string {
  if (view.stage === 'onboarding') return keyWords(view.site.language).notAdopted
  return plainText(line.signedIn?.displayName ?? line.label, 40)
}

/** A line as account `index` (from 1): server, transport, encrypted audio, digits, messages. */
export function line(view: DeviceView, account: LineView, index: number): Setting[] {
  const key = (name: string): string => `account.${index}.${name}`
  const transport = transportOf(view.server)
  const name = plainText(account.signedIn?.displayName ?? account.displayName, 60)
  return [
    [key('enable'), 1],
    [key('label'), lineLabel(view, account)],
    [key('display_name'), name],
    [key('user_name'), account.username],
    [key('auth_name'), account.username],
    [key('password'), account.password],
    [key('sip_server.1.address'), view.server.host],
    [key('sip_server.1.port'), transport.port],
    [key('sip_server.1.transport_type'), transport.type],
    [key('sip_server.1.expires'), 3600],
    [key('sip_server.1.retry_counts'), 3],
    [key('outbound_proxy_enable'), 0],
    ...srtp(key, transport.secure),
    ...codecs(key),
    ...digits(key),
    ...messages(view, key, index),
    [key('conf_type'), 0],
  ]
}

type Key = (name: string) => string

/** Encrypted audio, whenever the key exchange is protected as well. */
export function srtp(key: Key, secure: boolean): Setting[] {
  return [[key('srtp_encryption'), secure ? yealinkValues.srtpOn : yealinkValues.srtpOff]]
}

/**
 * The codecs that both the box's own announcements and Teams speak, best first. G.722 comes last: between two phones
 * it passes through, but the box itself speaks G.711 only.
 */
const codecOrder = ['pcma', 'pcmu', 'g722'] as const
const codecsOff = [
  'opus',
  'g729',
  'ilbc',
  'g726_16',
  'g726_24',
  'g726_32',
  'g726_40',
  'g723_53',
  'g723_63',
] as const

/** Codecs in order of preference; all others off. */
export function codecs(key: Key): Setting[] {
  return [
    ...codecOrder.flatMap((codec, index): Setting[] => [
      [key(`codec.${codec}.enable`), 1],
      [key(`codec.${codec}.priority`), index + 1],
    ]),
    ...codecsOff.map((codec): Setting => [key(`codec.${codec}.enable`), 0]),
    [key('ptime'), 20],
  ]
}

/** Digits as events in RTP (RFC 4733). */
export function digits(key: Key): Setting[] {
  return [
    [key('dtmf.type'), 1],
    [key('dtmf.dtmf_payload'), 101],
  ]
}

/** Message waiting lamp (RFC 3842) and the number behind the message key. */
export function messages(view: DeviceView, key: Key, index: number): Setting[] {
  return [
    [key('subscribe_mwi'), 1],
    [key('subscribe_mwi_expires'), 3600],
    [key('subscribe_mwi_to_vm'), 0],
    [`voice_mail.number.${index}`, view.featureCodes.voicemail],
  ]
}

/** Takes an account out of use, and its secret out of the phone. */
export function noLine(index: number): Setting[] {
  return [
    [`account.${index}.enable`, 0],
    [`account.${index}.password`, undefined],
  ]
}
