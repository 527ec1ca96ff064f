import type { ApiContext } from '../context.ts'
import { transportsOf } from '../views/credentials.ts'
import { linphoneConfig } from './linphone-config.ts'

/** An answer that both ports give alike. */
export interface PlainAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

const gone =
  'This link does not work any more: it works once, for ten minutes.\n' +
  'Make a new one on the setup page: Phones, the phone, Credentials.\n'

/** Tells a phone that was sent to `/p/` for its files from one that uses a link: no link has a dot. */
export function isFileName(text: string): boolean {
  return text.includes('.')
}

/** Uses a one-time link up: the softphone's configuration, or 404 with a sentence for a person. */
export function answerLink(context: ApiContext, token: string, from: string): PlainAnswer {
  const config = redeem(context, token, from)
  const found = config !== undefined
  return {
    status: found ? 200 : 404,
    headers: {
      'content-type': found ? 'application/xml; charset=utf-8' : 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
    },
    body: config ?? gone,
  }
}

/** The box's own CA, to be trusted by browsers and phones. */
export function answerCa(context: ApiContext): PlainAnswer {
  return {
    status: 200,
    headers: {
      'content-type': 'application/x-pem-file',
      'content-disposition': 'attachment; filename="branchline-ca.pem"',
    },
    body: context.options.box().caPem,
  }
}

function redeem(context: ApiContext, token: string, from: string): string | undefined {
  const { store } = context.parts
  const box = context.options.box()
  const transport = transportsOf(box)[0]
  if (!store || !transport) return undefined
  const link = context.links.redeem(token)
  const line = link && store.lines.find(link.lineId)
  const password = line && store.lines.password(line.id)
  if (!link || !line || password === undefined) return undefined
  store.audit.add({
    atMs: context.options.clock.nowMs(),
    actor: 'system',
    action: 'line.provisioned',
    subject: line.id,
    details: { username: line.username, from },
  })
  return linphoneConfig({
    displayName: line.label,
    username: line.username,
    password,
    realm: box.realm,
    host: link.reachedHost,
    transport: transport.protocol,
    port: transport.port,
  })
}
