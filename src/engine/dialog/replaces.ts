import { paramOf } from '#src/sip/params.ts'
import type { SipHeaders } from '#src/sip/message.ts'
import type { Dialog } from './dialog.ts'
import type { DialogTable } from './dialog-table.ts'

/**
 * Names the dialog that an INVITE with Replaces means, toward the application; made by the engine, never taken from
 * the network.
 */
export const replacedDialogHeader = 'X-Replaced-Dialog'

/** The value of a Replaces field (RFC 3891 6.1). */
export interface Replaces {
  callId: string
  toTag: string
  fromTag: string
  earlyOnly: boolean
}

/** Reads Replaces; undefined when a tag is missing. */
export function parseReplaces(value: string): Replaces | undefined {
  const semicolon = value.indexOf(';')
  if (semicolon <= 0) return undefined
  const toTag = paramOf(value, 'to-tag', semicolon)
  const fromTag = paramOf(value, 'from-tag', semicolon)
  const callId = value.slice(0, semicolon).trim()
  if (!toTag || !fromTag || callId === '') return undefined
  return { callId, toTag, fromTag, earlyOnly: paramOf(value, 'early-only', semicolon) !== undefined }
}

/** What RFC 3891 3 makes of an INVITE with Replaces: a refusal, or the dialog it is about. */
export type ReplacesVerdict = { status: 400 | 481 | 486 | 603 } | { dialog: Dialog }

/** Judges the Replaces of an INVITE outside dialogs; the header is there. */
export function judgeReplaces(headers: SipHeaders, dialogs: DialogTable<Dialog>): ReplacesVerdict {
  const values = headers.getAll('Replaces')
  if (values.length > 1 || headers.has('Join')) return { status: 400 }
  const replaces = parseReplaces(values[0] ?? '')
  if (!replaces) return { status: 400 }
  const dialog = dialogs.find(replaces.callId, replaces.toTag, replaces.fromTag)
  if (!dialog || dialog.kind !== 'INVITE') return { status: 481 }
  const { phase, role } = dialog.state
  if (dialog.inviteOver || phase === 'terminated') return { status: 603 }
  // A ringing call may be taken away from its caller's side only: whoever is being called has promised nothing yet.
  if (phase === 'early') return role === 'uac' ? { dialog } : { status: 481 }
  return replaces.earlyOnly ? { status: 486 } : { dialog }
}
