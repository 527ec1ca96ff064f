/** How one device gets its own configuration: the secret in its provisioning URL, and whether it was handed over. */
export interface DeviceAccess {
  deviceId: string
  /** At least 128 random bits, base64url: the secret part of the device's own provisioning URL. */
  token: string
  /** Password of the device's own web page, random per device. */
  adminPassword: string
  /** When the token went out to a request that named nothing but the MAC: that happens once. Undefined = still to come. */
  handedOverAtMs: number | undefined
  /** IP address that it went out to. */
  handedOverTo: string | undefined
  /** Last fetch that showed the token; undefined before the first. */
  fetchedAtMs: number | undefined
}
