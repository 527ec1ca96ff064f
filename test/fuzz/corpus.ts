import { readdirSync, readFileSync } from 'node:fs'

function read(folder: URL): Buffer[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sip'))
    .sort()
    .map((name) => readFileSync(new URL(name, folder)))
}

/** Messages of SIPp, baresip, linphone, Kamailio and phones as they went over the wire, and the torture messages. */
export function readCorpus(): Buffer[] {
  return [
    ...read(new URL('./corpus/', import.meta.url)),
    ...read(new URL('../sip/torture/rfc4475/', import.meta.url)),
    ...read(new URL('../sip/torture/rfc5118/', import.meta.url)),
  ]
}

/** Frames of drachtio's protocol that an application might send; what they name does not exist. */
export const doorFrames: readonly string[] = [
  'f1|ping',
  'f2|route|publish',
  'f3|remove_route|publish',
  'f4|sip|no-such-transaction|\r\nSIP/2.0 200 OK\r\nCall-ID: a\r\ncseq: 1 INVITE\r\n\r\n',
  'f5|sip||no-such-dialog\r\nBYE sip:placeholder SIP/2.0\r\n\r\n',
  'f6|sip||\r\nOPTIONS sip:a@127.0.0.1:9 SIP/2.0\r\nTo: <sip:a@127.0.0.1>\r\n\r\n',
  'f7|sip||\r\nINVITE sip:a@127.0.0.1:9 SIP/2.0\r\ncontact: <sip:me@localhost>\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n',
  'f8|sip||\r\nSUBSCRIBE sip:a@127.0.0.1:9 SIP/2.0\r\nEvent: presence\r\nExpires: 1\r\n\r\n',
  'f9|sip|f7|\r\nCANCEL sip:a@127.0.0.1:9 SIP/2.0\r\n\r\n',
  'f10|proxy|no-such-transaction|remainInDialog||||serial|1s|2s|sip:a@127.0.0.1:9\r\nINVITE sip:a@b SIP/2.0\r\n\r\n',
  'f11|sip|||sip:127.0.0.1:9\r\nMESSAGE sip:a@127.0.0.1:9 SIP/2.0\r\n\r\nhello',
  'f12|unknown|verb',
]
