/** What a user may do from a SIP device; Teams' names, Teams' defaults (Set-CsTeamsCallingPolicy). */
export interface CallingPolicy {
  /** `Global`, or the id of the user it is for. */
  scope: 'Global' | (string & {})
  allowSipDevicesCalling: boolean
  allowCallRedirect: boolean
  busyOnBusy: boolean
  emergencyLocationRequired: boolean
}

/** The policy of everybody for whom none is kept. */
export const defaultCallingPolicy: CallingPolicy = {
  scope: 'Global',
  allowSipDevicesCalling: false,
  allowCallRedirect: false,
  busyOnBusy: false,
  emergencyLocationRequired: false,
}
