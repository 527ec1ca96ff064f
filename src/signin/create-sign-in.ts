import { secondsToMs, type Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import { createTenantClient } from '#src/microsoft/tenant-client.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import type { SignInStores } from './ports.ts'
import { SignInService } from './sign-in.ts'

/** The first verification comes this long after the start at the latest, chosen by chance. */
const maxFirstDelayMs = secondsToMs(60)

/** Opens sign-in on the box's tenant and starts to keep the stored sign-ins true; `stop` ends both. */
export function createSignIn(options: {
  store: SignInStores
  /** Undefined while no tenant is set up: nobody can sign in, and who is signed in stays. */
  tenant: TenantEndpoints | undefined
  clock: Clock
  logger: Logger
  random: Random
}): SignInService {
  const { store, tenant: endpoints, clock, random } = options
  const logger = endpoints?.lab ? options.logger.child({ lab: true }) : options.logger
  const tenant = endpoints && {
    tenantId: endpoints.tenantId,
    ...createTenantClient({ endpoints, clock }),
  }
  const service = new SignInService({ store, tenant, clock, logger })
  service.startVerifying((random.bytes(2).readUInt16BE() / 65536) * maxFirstDelayMs)
  return service
}
