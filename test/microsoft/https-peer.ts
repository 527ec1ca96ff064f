import fastify, { type FastifyInstance } from 'fastify'
import { loadLabCertificates, type LabCertificates } from '#src/lab/certificates.ts'
import { silentLogger } from '#src/base/logger.ts'
import type { AddressInfo } from 'node:net'

// Making RSA keys takes a while; one set serves every peer of a test file.
let certificates: Promise<LabCertificates> | undefined

/** A real HTTPS server that says what a test wants; closed with the test. */
export async function startHttpsPeer(
  t: { testdir(): string; teardown(work: () => Promise<void>): void },
  register: (app: FastifyInstance) => void,
): Promise<{ origin: string; caPem: string[]; app: FastifyInstance }> {
  certificates ??= loadLabCertificates({
    dir: t.testdir(),
    addresses: [],
    nowMs: Date.now(),
    logger: silentLogger,
  })
  const made = await certificates
  const app = fastify({
    https: { cert: made.https.certificatePem, key: made.https.keyPem },
    forceCloseConnections: true,
  })
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body.toString()))),
  )
  register(app)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { origin: `https://127.0.0.1:${port}`, caPem: [made.caPem], app }
}
