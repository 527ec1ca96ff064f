import { Baresip, type BaresipOptions } from '#test/peers/baresip.ts'
import type { Box } from '#test/support/box.ts'
import type { Lab } from '#test/support/lab.ts'

/** A line with its phone's secrets, as the setup page hands them out. */
export interface OfficeLine {
  deviceId: string
  lineId: string
  username: string
  password: string
}

/** Adds a SIP phone on the setup page's API. */
export async function addPhone(box: Pick<Box, 'json'>, label: string): Promise<OfficeLine> {
  const { device, credentials } = await box.json<{
    device: { id: string }
    credentials: { lineId: string; username: string; password: string }
  }>('/api/devices', { body: { label } })
  return { deviceId: device.id, ...credentials }
}

/** Lets everybody use SIP devices, as an admin does on the People page. */
export async function allowSipDevices(box: Pick<Box, 'json'>): Promise<void> {
  await box.json('/api/policy', {
    method: 'PUT',
    body: {
      allowSipDevicesCalling: true,
      allowCallRedirect: false,
      busyOnBusy: false,
      emergencyLocationRequired: false,
    },
  })
}

/** Signs a person in on a line: starts on the box, enters the code in the lab, waits until the box has it. */
export async function signIn(
  box: Pick<Box, 'json'>,
  lab: Lab,
  line: OfficeLine,
  person: string,
): Promise<void> {
  const pending = await box.json<{ userCode: string }>(`/api/lines/${line.lineId}/signin`, { method: 'POST' })
  await lab.approve(pending.userCode, person)
  const deadline = performance.now() + 30_000
  for (;;) {
    const status = await box.json<{ state: string; text?: string }>(`/api/lines/${line.lineId}/signin`)
    if (status.state === 'signedIn') return
    if (status.state === 'failed') throw new Error(`sign-in failed: ${status.text}`)
    if (performance.now() > deadline) throw new Error(`${person} is not signed in: ${JSON.stringify(status)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Starts a baresip on a line and waits until it is registered. */
export async function plugIn(
  box: Pick<Box, 'ports'>,
  line: OfficeLine,
  options: Omit<BaresipOptions, 'username' | 'password' | 'server'>,
): Promise<Baresip> {
  const port =
    options.transport === 'tls' ? box.ports.tls : options.transport === 'tcp' ? box.ports.tcp : box.ports.udp
  const phone = await new Baresip({
    ...options,
    username: line.username,
    password: line.password,
    server: `127.0.0.1:${port}`,
  }).start()
  await phone.waitForRegistration()
  return phone
}

/** Waits until `read` returns something, asking every 50 ms. */
export async function until<T>(
  what: string,
  limitMs: number,
  read: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const value = await read()
    if (value !== undefined) return value
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
