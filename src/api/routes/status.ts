import { somebodyMaySignIn, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { statusView, type StatusView } from '../schema/health.ts'
import { viewHealth, viewTrunk } from '../views/health.ts'

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
  const registered = new Set(store?.bindings.all(nowMs).map((binding) => binding.aor))
  return {
    health: viewHealth(context),
    callsRunning: pbx !== undefined,
    signInRunning: signIn !== undefined,
    trunks: pbx?.trunks().map(viewTrunk) ?? [],
    counts: {
      devices: store?.devices.list().length ?? 0,
      lines: store?.lines.list().length ?? 0,
      registeredLines: registered.size,
      signedInLines: store?.signIns.list().length ?? 0,
      liveCalls: pbx?.liveCalls().length ?? 0,
      loggedCalls: store?.callLog.count() ?? 0,
    },
    sipDevicesAllowed: store !== undefined && somebodyMaySignIn(store),
  }
}
