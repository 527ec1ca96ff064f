import type { AddressInfo } from 'node:net'
import type { FastifyInstance, RawServerBase } from 'fastify'
import type { Timer } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { Owner } from './auth/owner.ts'
import { PasswordHasher } from './auth/password.ts'
import { Sessions } from './auth/sessions.ts'
import { TryThrottle } from './auth/try-throttle.ts'
import { buildApp } from './build-app.ts'
import type { ApiContext } from './context.ts'
import { EventHub } from './event-hub.ts'
import {
  forwardBans,
  forwardDect,
  forwardOnboarding,
  forwardPbx,
  forwardProvisioning,
  forwardSignIn,
} from './forward-events.ts'
import { buildHttpDoor } from './http-door.ts'
import type { ApiHandle, ApiOptions, ApiParts } from './ports.ts'
import { LinkTable } from './provisioning/link-table.ts'
import { viewHealth } from './views/health.ts'

const healthCheckMs = 2_000

/** Starts the setup page and its API on both ports; rejects with PORT_IN_USE and leaves nothing open. */
export async function startApi(options: ApiOptions): Promise<ApiHandle> {
  const context = createContext(options)
  const attach = createAttach(context)
  attach(options.parts ?? {})
  const app = await buildApp(context)
  const door = buildHttpDoor(context)
  const { host, httpsPort, httpPort } = options.listen
  try {
    context.ports.https = await listen(app, host, httpsPort, 'setup page (HTTPS)', 'page.httpsPort')
    context.ports.http = await listen(door, host, httpPort, 'provisioning (HTTP)', 'page.httpPort')
  } catch (error) {
    await Promise.all([app.close(), door.close()])
    throw error
  }
  const stopHealth = watchHealth(context)
  const { owner, events, ports } = context
  options.logger.info({ host, httpsPort: ports.https, httpPort: ports.http }, 'the setup page is up')

  return {
    httpsPort: ports.https,
    httpPort: ports.http,
    attach,
    claimCode: () => owner.code,
    resetAdmin: () => {
      owner.forget()
      context.sessions.removeOthers(undefined)
      events.dropDisallowed()
    },
    checkPassword: (password) => owner.checkPassword(password),
    setClaimListener: (listener) => owner.setListener(listener),
    reloadCertificate: ({ certPem, keyPem }) =>
      app.server.setSecureContext({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' }),
    stop: async () => {
      stopHealth()
      attach({ pbx: undefined, signIn: undefined, onboarding: undefined, dect: undefined, bans: undefined })
      events.close()
      await Promise.all([app.close(), door.close()])
    },
  }
}

/** Everything the routes share, with the parts still to come. */
export function createContext(options: ApiOptions): ApiContext {
  const { clock, random, logger } = options
  const hasher = new PasswordHasher(options.passwordCost)
  return {
    options,
    parts: {
      store: undefined,
      settings: undefined,
      pbx: undefined,
      signIn: undefined,
      onboarding: undefined,
      lab: undefined,
      counters: undefined,
      traces: undefined,
      bans: undefined,
      provisioning: undefined,
      dect: undefined,
      network: undefined,
      host: undefined,
    },
    owner: new Owner({ random, hasher, logger }),
    sessions: new Sessions({ clock, random, logger }),
    throttle: new TryThrottle(clock),
    links: new LinkTable({ clock, random }),
    events: new EventHub({ clock, logger }),
    startedAtMs: clock.monotonicMs(),
    ports: { https: 0, http: 0 },
  }
}

/** The function that takes parts over: it moves the event listeners and tells who needs the secrets. */
export function createAttach(context: ApiContext): (parts: Partial<ApiParts>) => void {
  let stopPbx = (): void => undefined
  let stopSignIn = (): void => undefined
  let stopDect = (): void => undefined
  let stopBans = (): void => undefined
  let stopOnboarding = (): void => undefined
  let stopProvisioning = (): void => undefined
  return (changed) => {
    const before = context.parts
    context.parts = { ...before, ...changed }
    const { bans, dect, onboarding, pbx, provisioning, signIn, store } = context.parts
    if (store !== before.store) {
      context.sessions.attach(store?.secrets)
      context.owner.attach(store?.secrets)
    }
    if (pbx !== before.pbx) {
      stopPbx()
      stopPbx = pbx ? forwardPbx(pbx, context) : () => undefined
    }
    if (bans !== before.bans) {
      stopBans()
      stopBans = bans ? forwardBans(bans, context) : () => undefined
    }
    if (signIn !== before.signIn) {
      stopSignIn()
      stopSignIn = signIn ? forwardSignIn(signIn, context) : () => undefined
    }
    if (provisioning !== before.provisioning) {
      stopProvisioning()
      stopProvisioning = provisioning ? forwardProvisioning(provisioning, context) : () => undefined
    }
    if (onboarding !== before.onboarding) {
      stopOnboarding()
      stopOnboarding = onboarding ? forwardOnboarding(onboarding, context) : () => undefined
    }
    if (dect !== before.dect) {
      stopDect()
      stopDect = dect ? forwardDect(dect, context) : () => undefined
    }
  }
}

async function listen<Server extends RawServerBase>(
  app: FastifyInstance<Server>,
  host: string,
  port: number,
  use: string,
  setting: string,
): Promise<number> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new ApplianceError(
      'PORT_IN_USE',
      { host, port, use, setting },
      {
        cause: error,
        text: `Port ${port} for the ${use} is taken by another program.`,
        advice: `Stop the program that listens on ${port}, or choose another ${setting}.`,
      },
    )
  }
  return (app.server.address() as AddressInfo).port
}

/** Tells open pages when the health changes; asks nothing while no page is open. */
function watchHealth(context: ApiContext): () => void {
  const { clock, logger } = context.options
  let last = ''
  let timer: Timer
  const check = (): void => {
    timer = clock.setTimer(healthCheckMs, check)
    if (context.events.clientCount === 0) return
    try {
      const health = viewHealth(context)
      const now = JSON.stringify({ ...health, uptimeS: 0 })
      if (now !== last) context.events.publish('health', health)
      last = now
    } catch (error) {
      logger.error({ err: error }, 'the health of the box could not be read')
    }
  }
  timer = clock.setTimer(healthCheckMs, check)
  return () => timer.cancel()
}
