import type { LegMedia, Side } from '#src/media/media-relay.ts'
import type { CallParty } from '#src/model/call-record.ts'
import type { SipDialog } from '../sip-port.ts'

/** One side of an answered call. The descriptions change with each re-offer. */
export interface Leg {
  side: Side
  dialog: SipDialog
  media: LegMedia
  /** Teams: hold only as a=inactive, nothing but INVITE, BYE and OPTIONS in a dialog. */
  teams: boolean
  party: CallParty
  /** Contact of our side of this dialog. */
  contact: string
  /** True while this side has put the other on hold. */
  holds: boolean
  localSdp: string
  remoteSdp: string
}
