import { Type, type Static } from 'typebox'
import { moment, nullable } from './common.ts'

/** A certificate in the words of a person. */
export const certificateView = Type.Object({
  subject: Type.String(),
  issuer: Type.String(),
  names: Type.Array(Type.String(), { description: 'DNS names and addresses that it covers' }),
  fingerprint: Type.String({ description: 'SHA-256, as browsers and phones show it' }),
  validFromMs: moment,
  expiresAtMs: moment,
})
export type CertificateView = Static<typeof certificateView>

/** The certificate that the box shows to Teams. */
export const trunkCertificateView = Type.Object({
  certificate: nullable(certificateView),
  chain: Type.Array(certificateView, { description: 'The authorities after it, in order' }),
  problem: nullable(Type.String({ description: 'Why Teams would not take it' })),
  warnings: Type.Array(Type.String()),
  inForce: Type.Boolean({ description: 'False: it takes effect after a restart' }),
})

/** All certificates of the box. */
export const certificatesView = Type.Object({
  authority: certificateView,
  page: certificateView,
  trunk: nullable(trunkCertificateView),
  request: nullable(
    Type.Object({
      fqdn: Type.String(),
      createdAtMs: moment,
      pem: Type.String({ description: 'Certificate signing request (PKCS #10)' }),
    }),
  ),
  sbcFqdn: nullable(Type.String()),
  canKeep: Type.Boolean({ description: 'False: this box has no place for an uploaded certificate' }),
})
export type CertificatesView = Static<typeof certificatesView>

const pem = Type.String({ minLength: 1, maxLength: 40_000 })

/** A certificate for the trunk; without a key it must fit the request that the box has made. */
export const trunkCertificateBody = Type.Object(
  {
    fqdn: Type.String({ minLength: 1, maxLength: 253 }),
    certificatePem: pem,
    keyPem: Type.Optional(Type.String({ maxLength: 20_000 })),
  },
  { additionalProperties: false },
)

export const certificateRequestBody = Type.Object(
  {
    fqdn: Type.String({ minLength: 1, maxLength: 253 }),
    organisation: Type.Optional(Type.String({ maxLength: 64, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })),
  },
  { additionalProperties: false },
)
