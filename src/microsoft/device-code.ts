import { PublicClientApplication, type AuthenticationResult } from '@azure/msal-node'
import { secondsToMs, type Clock } from '#src/base/clock.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import { graphScopes } from './graph-facts.ts'
import { codeExpired, isAccountEnded, signInFailed, type EntraError } from './identity-errors.ts'
import { MsalNetwork } from './msal-network.ts'
import type { HttpClient } from './network-client.ts'

/** What a person must see to sign in (RFC 8628 3.2). */
export interface DeviceCode {
  userCode: string
  verificationUri: string
  expiresAtMs: number
}

/** Tokens of one line: one to read Graph with now, and MSAL's cache as text for the store. */
export interface LineTokens {
  accessToken: string
  tokenCache: string
}

/** What a refresh may come to. `unknown`: nothing for certain, the sign-in stays. */
export type RefreshResult =
  | { kind: 'fresh'; tokens: LineTokens }
  | { kind: 'accountEnded'; text: string }
  | { kind: 'unknown'; error: ApplianceError }

/** Entra as a public client of the box sees it. */
export interface IdentityClient {
  /**
   * Runs one device code flow; `onCode` is called once the code is known. Rejects with SIGN_IN_FAILED,
   * TENANT_UNREACHABLE (before there was a code) or the signal's reason.
   */
  deviceCode(onCode: (code: DeviceCode) => void, signal: AbortSignal): Promise<LineTokens>
  /** Gets new tokens for a line, from Entra and never from the cache. */
  refresh(tokenCache: string, signal: AbortSignal): Promise<RefreshResult>
}

/** Opens a client of the tenant's Entra; nothing is sent until it is used. */
export function createIdentityClient(options: {
  endpoints: TenantEndpoints
  http: HttpClient
  clock: Clock
}): IdentityClient {
  const { endpoints, http, clock } = options

  const openMsal = (network: MsalNetwork): PublicClientApplication =>
    new PublicClientApplication({
      auth: {
        clientId: endpoints.clientId,
        authority: `${endpoints.authorityHost}/${endpoints.tenantId}`,
        // Spares the question to Microsoft whether the host is one of theirs, which the lab's is not.
        knownAuthorities: [new URL(endpoints.authorityHost).host],
      },
      system: { networkClient: network, disableInternalRetries: true },
    })

  return {
    async deviceCode(onCode, signal) {
      const own = new AbortController()
      const both = AbortSignal.any([signal, own.signal])
      const network = new MsalNetwork({ http, clock, signal: both })
      const msal = openMsal(network)
      let expiry = { cancel: (): void => undefined }
      const flow = msal.acquireTokenByDeviceCode({
        scopes: graphScopes,
        deviceCodeCallback: ({ userCode, verificationUri, expiresIn }) => {
          const lifetimeMs = secondsToMs(expiresIn)
          expiry = clock.setTimer(lifetimeMs, () => own.abort(codeExpired()))
          onCode({ userCode, verificationUri, expiresAtMs: clock.nowMs() + lifetimeMs })
        },
      })
      try {
        return tokensOf(await flow, msal)
      } catch (error) {
        signal.throwIfAborted()
        if (own.signal.aborted) throw own.signal.reason
        throw explain(error, network)
      } finally {
        expiry.cancel()
      }
    },

    async refresh(tokenCache, signal) {
      const network = new MsalNetwork({ http, clock, signal })
      const msal = openMsal(network)
      try {
        msal.getTokenCache().deserialize(tokenCache)
        const [account] = await msal.getTokenCache().getAllAccounts()
        if (!account) return { kind: 'unknown', error: unreadableTokens() }
        const result = await msal.acquireTokenSilent({ account, scopes: graphScopes, forceRefresh: true })
        return { kind: 'fresh', tokens: tokensOf(result, msal) }
      } catch (error) {
        signal.throwIfAborted()
        const failed = explain(error, network)
        const ended = network.refusal !== undefined && isAccountEnded(network.refusal)
        return ended ? { kind: 'accountEnded', text: failed.message } : { kind: 'unknown', error: failed }
      }
    },
  }
}

function tokensOf(result: AuthenticationResult | null, msal: PublicClientApplication): LineTokens {
  if (!result?.accessToken) throw new ApplianceError('SIGN_IN_FAILED', { reason: 'no access token' })
  return { accessToken: result.accessToken, tokenCache: msal.getTokenCache().serialize() }
}

/** MSAL's errors say less than what passed through its network. */
function explain(
  error: unknown,
  network: { failure: ApplianceError | undefined; refusal: EntraError | undefined },
) {
  if (error instanceof ApplianceError) return error
  if (network.failure) return network.failure
  // MSAL counts the code's life as well and may give up an instant before our own timer, with the answer still pending.
  if (network.refusal?.error === 'authorization_pending') return codeExpired()
  if (network.refusal) return signInFailed(network.refusal)
  return new ApplianceError('SIGN_IN_FAILED', { reason: errorText(error) }, { cause: error })
}

function unreadableTokens(): ApplianceError {
  const text = 'The stored tokens of this sign-in cannot be used.'
  return new ApplianceError('SIGN_IN_FAILED', { reason: 'no account in the token cache' }, { text })
}
