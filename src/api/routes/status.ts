import type { DeviceState } from '#src/model/device.ts'
import { somebodyMaySignIn, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { statusView, type StatusView } from '../schema/health.ts'
import { viewHealth, viewTrunk } from '../views/health.ts'

const strangers: ReadonlySet<DeviceState> = new Set(['found', 'off-boarded'])

/** GET /api/status: the first page; answers with what there is even when parts are not running. */
export function statusRoute(api: Api, context: ApiContext): void {
  api.get(
    '/api/status',
    {
      schema: {
        summary: 'What works, what does not, and how much is going on',
        tags: ['box'],
        response: { 200: statusView, ...errors() },
      },
    },
    () => viewStatus(context),
  )
}

function viewStatus(context: ApiContext): StatusView {
  const { pbx, store, signIn } = context.parts
  const nowMs = context.options.clock.nowMs()
  const health = viewHealth(context)
  const tenant = health.parts.find(({ name }) => name === 'tenant')
  const registered = new Set(store?.bindings.all(nowMs).map((binding) => binding.aor))
  // A phone that nobody has adopted, or that was off-boarded, is none that is missed when it does not register.
  const devices = (store?.devices.list() ?? []).filter(({ state }) => !strangers.has(state))
  const own = new Set(devices.map(({ id }) => id))
  const lines = (store?.lines.list() ?? []).filter(({ deviceId }) => own.has(deviceId))
  return {
    health,
    callsRunning: pbx !== undefined,
    signInRunning: signIn !== undefined && tenant?.state !== 'off' && tenant?.state !== 'failed',
    trunks: pbx?.trunks().map(viewTrunk) ?? [],
    counts: {
      devices: devices.length,
      lines: lines.length,
      registeredLines: lines.filter(({ username }) => registered.has(username)).length,
      signedInLines: store?.signIns.list().length ?? 0,
      liveCalls: pbx?.liveCalls().length ?? 0,
      loggedCalls: store?.callLog.count() ?? 0,
    },
    sipDevicesAllowed: store !== undefined && somebodyMaySignIn(store),
  }
}
