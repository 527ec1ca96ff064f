import type { LineView } from '#src/devices/device-view.ts'
import type { Device } from '#src/model/device.ts'
import { readAccessCode } from './access-code.ts'
import { needDevice, type DectContext } from './context.ts'
import { formatIpei } from '#src/model/ipei.ts'
import type { DectConfiguration, Subscription } from './ports.ts'

/** Gathers what a DECT server's files say of its handsets; off-boarded ones are left out. */
export function createDectConfiguration(
  context: DectContext,
  subscription: Pick<Subscription, 'find'>,
): DectConfiguration {
  const { store } = context

  const linesOf = (handset: Device): LineView[] =>
    store.lines.listByDevice(handset.id).flatMap((line) => {
      const password = store.lines.password(line.id)
      if (password === undefined || handset.ipei === undefined) return []
      const signIn = store.signIns.forLine(line.id)
      const user = signIn && store.users.find(signIn.userId)
      return {
        username: line.username,
        password,
        label: handset.label,
        displayName: user?.displayName ?? handset.label,
        signedIn: user && { displayName: user.displayName, number: user.number ?? '' },
        ipei: formatIpei(handset.ipei),
        accessCode: readAccessCode(store.secrets, handset.id),
      }
    })

  return {
    viewOf(serverId) {
      needDevice(context, serverId, 'dect-server')
      const handsets = store.devices
        .listChildren(serverId)
        .filter(({ state }) => state !== 'off-boarded')
        // By age, not by name: a renamed handset must not move all others in the server's list.
        .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.ipei ?? '').localeCompare(b.ipei ?? ''))
      return {
        lines: handsets.flatMap(linesOf),
        dect: { subscriptionAllowed: subscription.find(serverId) !== undefined },
      }
    },
  }
}
