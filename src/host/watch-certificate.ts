import type { Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { SecretStore } from '#src/store/store.ts'
import { ensureBoxCertificate, type BoxCertificate } from './certificate.ts'

/** An address that came with a moved cable is covered within this time. */
const lookEveryMs = 600_000

/**
 * Looks again and again whether the box's certificate still lasts and covers every address, and hands over the
 * new one. Runs until the signal is aborted, then rejects with its reason: `lifetime.run('certificate', …)`.
 */
export async function watchBoxCertificate(
  options: {
    current: BoxCertificate
    secrets: SecretStore
    clock: Clock
    logger: Logger
    names: string[]
    /** Asked anew each time. */
    addresses: () => string[]
    onRenewed: (certificate: BoxCertificate) => void
  },
  signal: AbortSignal,
): Promise<void> {
  const { secrets, clock, logger, names, addresses, onRenewed } = options
  let shown = options.current.certificatePem
  for (;;) {
    await clock.sleep(lookEveryMs, signal)
    try {
      const certificate = await ensureBoxCertificate({ secrets, clock, names, addresses: addresses() })
      if (certificate.certificatePem === shown || signal.aborted) continue
      shown = certificate.certificatePem
      logger.info({ expiresAtMs: certificate.expiresAtMs }, 'the box has a new certificate')
      onRenewed(certificate)
    } catch (error) {
      logger.warn({ reason: errorText(error) }, 'the certificate was not renewed; tried again later')
    }
  }
}
