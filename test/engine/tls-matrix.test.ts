import t from 'tap'
import { runTlsMatrix, type MatrixRow } from './tls-matrix.ts'

/** What must happen, and the first words of what a person is told to do; '' = nothing. */
const expected: Record<string, [outcome: string, advice: string]> = {
  'Kamailio → us: right chain, with intermediate': ['proved sip.carrier.test', ''],
  'Kamailio → us: serverAuth only, allowed': ['proved sip.teams.test', ''],
  'Kamailio → us: serverAuth only, not allowed': [
    'taken as a phone',
    "The peer's certificate is made for servers only",
  ],
  "Kamailio → us: wrong name: another trunk's": [
    'taken as a phone',
    "The peer's certificate comes from the trunk's",
  ],
  'Kamailio → us: expired': [
    'taken as a phone',
    "The peer's client certificate, or one of its authorities, has exp",
  ],
  'Kamailio → us: not yet valid': ['taken as a phone', "The peer's client certificate is not valid yet"],
  'Kamailio → us: unknown CA': ['taken as a phone', "The peer's certificate comes from an authority that"],
  'Kamailio → us: self-signed': ['taken as a phone', "The peer's client certificate is self-signed"],
  'Kamailio → us: missing client certificate': ['taken as a phone', 'The peer showed no certificate'],
  'Kamailio → us: does not trust our CA': [
    'refused our certificate',
    'The caller does not know the authority',
  ],
  'we → Kamailio: right chain, with intermediate': ['answered 200', ''],
  'we → Kamailio: wrong name': [
    'not connected: ERR_TLS_CERT_ALTNAME_INVALID',
    "The peer's certificate is for another name",
  ],
  'we → Kamailio: expired': ['not connected: CERT_HAS_EXPIRED', "The peer's certificate has expired"],
  'we → Kamailio: not yet valid': [
    'not connected: CERT_NOT_YET_VALID',
    "The peer's certificate is not valid yet",
  ],
  'we → Kamailio: unknown CA': [
    'not connected: UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    "The peer's certificate comes from an authority",
  ],
  'we → Kamailio: self-signed': [
    'not connected: DEPTH_ZERO_SELF_SIGNED_CERT',
    "The peer's certificate is self-signed",
  ],
  'we → Kamailio: wants our client certificate, gets it': ['answered 200', ''],
  'we → Kamailio: wants a client certificate, gets none': [
    'connection lost',
    'The peer asks for a client cert',
  ],
  'we → Kamailio: does not know our CA': ['connection lost', 'The peer does not know the authority'],
  'we → nobody: nothing listens': ['not connected: ECONNREFUSED', 'Nothing listens on this port'],
  'we → openssl: speaks TLS 1.1 only': [
    'not connected: ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    'The peer does not speak TLS 1.2',
  ],
  'we → openssl: weak key: RSA 1024': [
    'not connected: EE_KEY_TOO_SMALL',
    "The key in the peer's certificate",
  ],
  'openssl → us: TLS 1.3': ['TLSv1.3, certificate of box.test', ''],
  'openssl → us: TLS 1.2': ['TLSv1.2, certificate of box.test', ''],
  'openssl → us: TLS 1.1': ['refused', 'The caller offers only TLS 1.1 or older'],
  'openssl → us: TLS 1.0': ['refused', 'The caller offers only TLS 1.1 or older'],
  'openssl → us: SNI right': ['TLSv1.3, certificate of sbc.test', 'The peer showed no certificate'],
  'openssl → us: SNI unknown': ['TLSv1.3, certificate of box.test', ''],
  'openssl → us: no SNI': ['TLSv1.3, certificate of box.test', ''],
  'openssl → us: renegotiation asked for': ['refused', ''],
  'openssl → us: weak client key: RSA 1024': [
    'TLSv1.3, certificate of box.test',
    "The key in the peer's client",
  ],
  'SIPp → Kamailio → us: renewal while calls are up': [
    'new certificate shown, 5 of 5 calls ended well, on their old connection, a broken one changed nothing',
    'The key',
  ],
}

const nameOf = (row: MatrixRow): string => `${row.peer}: ${row.case}`

void t.test('the TLS matrix against Kamailio and openssl, each line with its advice', async (t) => {
  const rows = await runTlsMatrix()
  t.same(rows.map(nameOf), Object.keys(expected), 'every case ran')
  for (const row of rows) {
    const [outcome, advice] = expected[nameOf(row)] ?? ['', '']
    t.equal(row.outcome, outcome, nameOf(row))
    t.equal(row.advice.slice(0, advice.length), advice, `${nameOf(row)}: ${row.advice}`)
    if (advice === '') t.equal(row.advice, '', 'nothing has to be done')
    else t.match(row.advice, /\.$/, 'a whole sentence')
  }
})
