import { audit, found, need, type ApiContext } from './context.ts'

/**
 * Removes a device with everything that hangs on it: people are signed out, links end, and a DECT server takes its
 * handsets along. Throws NOT_FOUND.
 */
export async function removeDevice(context: ApiContext, id: string): Promise<void> {
  const store = need(context, 'store')
  const device = found(store.devices.find(id), 'phone', id)
  for (const gone of [device, ...store.devices.listChildren(id)]) await releaseLines(context, gone.id)
  const { dect } = context.parts
  if (device.kind === 'dect-server' && dect) dect.servers.remove(id)
  else if (device.kind === 'dect-handset' && dect) dect.handsets.remove(id)
  else store.devices.remove(id)
  audit(context, { action: 'device.remove', subject: id, details: { label: device.label } })
  context.events.publish('devicesChanged', { deviceId: id })
}

async function releaseLines(context: ApiContext, deviceId: string): Promise<void> {
  const store = need(context, 'store')
  const { signIn } = context.parts
  for (const line of store.lines.listByDevice(deviceId)) {
    context.links.revoke(line.id)
    signIn?.cancel(line.id)
    if (store.signIns.forLine(line.id)) await signIn?.signOut(line.id, 'admin')
  }
}
