import { ApplianceError } from '#src/base/errors.ts'
import { catalogue } from '#src/devices/catalogue.ts'
import { canRender } from '#src/devices/render.ts'
import type { Device } from '#src/model/device.ts'
import { forgetAccessCode } from './access-code.ts'
import { needDevice, type DectContext } from './context.ts'
import type { DectServers, Subscription } from './ports.ts'

/** Keeps DECT servers. */
export function createDectServers(context: DectContext, subscription: Subscription): DectServers {
  const { store, clock, random, logger } = context
  return {
    models: () => supportedServers().map(({ vendor, model }) => ({ vendor, model })),

    list: () => store.devices.list().filter(({ kind }) => kind === 'dect-server'),

    add({ label, mac, model }) {
      const definition = supportedServers().find((entry) => entry.model === model)
      if (!definition) {
        throw new ApplianceError(
          'INVALID',
          { field: 'model' },
          { text: 'The box writes no configuration for this model.' },
        )
      }
      const bareMac = mac.replace(/[^0-9A-Fa-f]/g, '').toLowerCase()
      const sameMac = store.devices.findByMac(bareMac)
      if (sameMac) {
        throw new ApplianceError(
          'CONFLICT',
          { field: 'mac', deviceId: sameMac.id },
          { text: `“${sameMac.label}” has this MAC address already.` },
        )
      }
      const server: Device = {
        id: random.token(16),
        kind: 'dect-server',
        label: label.trim(),
        mac: bareMac,
        ipei: undefined,
        parentId: undefined,
        vendor: definition.vendor,
        model: definition.model,
        firmware: undefined,
        location: undefined,
        state: 'onboarded',
        createdAtMs: clock.nowMs(),
        lastSeenAtMs: undefined,
      }
      store.devices.save(server)
      logger.info({ deviceId: server.id, model }, 'a DECT server was added')
      return server
    },

    remove(serverId) {
      needDevice(context, serverId, 'dect-server')
      const handsets = store.devices.listChildren(serverId)
      // A disk that refuses has taken nothing yet.
      store.devices.remove(serverId)
      subscription.close(serverId)
      for (const { id } of handsets) forgetAccessCode(store.secrets, id)
      logger.info({ deviceId: serverId, handsets: handsets.length }, 'a DECT server was removed')
    },
  }
}

function supportedServers(): typeof catalogue {
  return catalogue.filter(({ kind, family }) => kind === 'dect-server' && canRender(family))
}
