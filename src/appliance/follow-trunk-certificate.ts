import type { Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { TlsRenewed } from '#src/engine/options.ts'
import { microsoftTenant } from '#src/microsoft/microsoft-tenant.ts'
import type { Settings } from '#src/model/settings.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import type { SettingsPart } from '#src/settings/settings-service.ts'

/** Programs that renew certificates (certbot, acme.sh) do so weeks before the end. */
const lookEveryMs = 600_000

/** Follows the trunk's certificate into its files, also where the page puts another one beside the old. */
export interface TrunkCertificateFollower {
  /** Takes the files of a certificate that the page has been given. */
  part: SettingsPart
  /** Looks again and again until the signal is aborted, then rejects with its reason. */
  watch(signal: AbortSignal): Promise<void>
}

/** Renews the trunk's certificate from its files; what does not fit is refused, and the one in force stays. */
export function followTrunkCertificate(options: {
  /** Those that the box was started with. */
  settings: Settings
  /** What the files said then. */
  tenant: TenantEndpoints
  renew: (tenant: TenantEndpoints) => TlsRenewed
  clock: Clock
  logger: Logger
}): TrunkCertificateFollower {
  const { settings, renew, clock, logger } = options
  let files: Settings['tenant'] = settings.tenant
  let inForce = options.tenant
  let turn: Promise<void> = Promise.resolve()

  // Only the certificate follows: name, hosts and tenant are those of the start.
  const look = async (from: Settings['tenant']): Promise<void> => {
    const { certificateFile = '', keyFile = '' } = from
    const found = await microsoftTenant({ tenant: { ...settings.tenant, certificateFile, keyFile } })
    if (contentOf(found) !== contentOf(inForce)) {
      const renewed = renew(found)
      if (!renewed.applied) throw new Error(renewed.reason)
      inForce = found
      logger.info({ certificateFile }, 'the trunk has a new certificate')
    }
    files = from
  }
  // In turn: a look that began before the page changed the files must not bring the old ones back.
  const lookInTurn = (from: () => Settings['tenant']): Promise<void> => {
    const looked = turn.then(() => look(from()))
    turn = looked.catch(() => undefined)
    return looked
  }

  return {
    part: {
      name: 'the trunk',
      takes: ({ path }) => path === 'tenant.certificateFile' || path === 'tenant.keyFile',
      async apply({ tenant }) {
        // For another tenant, or under another name, it waits for the restart like all the rest.
        const same = tenant.kind === 'microsoft' && tenant.sbcFqdn?.toLowerCase() === inForce.trunk.sbcFqdn
        if (same && tenant.certificateFile !== undefined) await lookInTurn(() => tenant)
      },
    },
    async watch(signal) {
      for (;;) {
        await clock.sleep(lookEveryMs, signal)
        try {
          await lookInTurn(() => files)
        } catch (error) {
          logger.warn(
            { reason: errorText(error) },
            'the trunk keeps its certificate: the files cannot be used',
          )
        }
      }
    },
  }
}

function contentOf({ trunk }: TenantEndpoints): string {
  return [trunk.certificatePem, trunk.keyPem, ...trunk.caPem].join('\n')
}
