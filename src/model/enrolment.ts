/** A common area phone that was announced: dialling `*55*` and this code on the device with this address enrols it. */
export interface Enrolment {
  id: string
  /** Digits only; drawn by the box, good for one device only. */
  code: string
  /** Twelve lower-case hexadecimal digits; undefined for a handset. */
  mac: string | undefined
  /** Of a DECT handset, 13 characters; undefined for anything else. */
  ipei: string | undefined
  /** What the device is called from then on. */
  label: string
  location: string
  createdAtMs: number
  expiresAtMs: number
  /** Undefined while nobody dialled the code. */
  usedAtMs: number | undefined
  /** The device that was enrolled with it; undefined before that, and when the device is gone. */
  deviceId: string | undefined
}
