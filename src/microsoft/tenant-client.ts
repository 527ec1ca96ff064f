import type { Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import { createIdentityClient, type DeviceCode } from './device-code.ts'
import { createGraphClient, type TenantPerson } from './graph-client.ts'
import { createHttpClient } from './network-client.ts'

/** A person whom the tenant has confirmed, with the tokens of the line. */
export interface ConfirmedPerson {
  person: TenantPerson
  tokenCache: string
}

/** What asking the tenant again about a sign-in came to; only `ended` says something against it. */
export type Verification =
  | ({ kind: 'confirmed' } & ConfirmedPerson)
  | { kind: 'ended'; text: string }
  | { kind: 'unknown'; error: ApplianceError; tokenCache: string | undefined }

/** A tenant, Microsoft's or the lab's, as sign-in needs it. */
export interface TenantClient {
  /** Signs a person in by device code; see `IdentityClient.deviceCode` for the rejections. */
  signIn(onCode: (code: DeviceCode) => void, signal: AbortSignal): Promise<ConfirmedPerson>
  /** Asks again; rejects only with the signal's reason. */
  verify(tokenCache: string, signal: AbortSignal): Promise<Verification>
}

/** Opens a tenant by its endpoints; nothing is sent until it is used. */
export function createTenantClient(options: { endpoints: TenantEndpoints; clock: Clock }): TenantClient {
  const { endpoints, clock } = options
  const http = createHttpClient({ caPem: endpoints.caPem, clock })
  const identity = createIdentityClient({ endpoints, http, clock })
  const graph = createGraphClient({ endpoints, http })
  return {
    async signIn(onCode, signal) {
      const { accessToken, tokenCache } = await identity.deviceCode(onCode, signal)
      return { person: await graph.readPerson(accessToken, signal), tokenCache }
    },

    async verify(oldTokenCache, signal) {
      const refreshed = await identity.refresh(oldTokenCache, signal)
      if (refreshed.kind === 'accountEnded') return { kind: 'ended', text: refreshed.text }
      if (refreshed.kind === 'unknown') return { ...refreshed, tokenCache: undefined }
      const { accessToken, tokenCache } = refreshed.tokens
      try {
        return { kind: 'confirmed', person: await graph.readPerson(accessToken, signal), tokenCache }
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof ApplianceError)) throw error
        // The refresh worked, so its tokens are worth keeping even though Graph was silent.
        return { kind: 'unknown', error, tokenCache }
      }
    },
  }
}
