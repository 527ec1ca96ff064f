import type Srf from 'drachtio-srf'
import t from 'tap'
import { makeCa } from '#test/support/certificates.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import type { ListenOptions, OutboundTls } from '#src/engine/options.ts'
import { sdp } from './support/raw-peer.ts'
import { until } from '#test/support/until.ts'

/** Two engines that know each other by name and certificate, as a trunk and its far end do. */
async function pair(t: Parameters<typeof startTestEngine>[0]) {
  const ca = await makeCa('Test Root')
  const stranger = await makeCa('Other Root')
  const side = async (name: string, own = ca) => {
    const certificate = await own.issue({ names: [name] })
    const listen: ListenOptions = {
      protocol: 'tls',
      host: '127.0.0.1',
      port: 0,
      tls: {
        fallback: certificate,
        byName: [],
        trust: [{ name: 'test', caPem: [ca.rootPem], names: ['*'], acceptsServerAuthOnly: true }],
      },
    }
    const outbound: OutboundTls = { names: ['*'], ...certificate, caPem: [ca.rootPem] }
    const hosts = ['box.test', 'teams.test'].map((host) => ({ name: host, address: '127.0.0.1' }))
    return startTestEngine(t, { listen: [listen], outboundTls: [outbound], staticHosts: hosts })
  }
  return {
    box: await side('box.test'),
    teams: await side('teams.test'),
    foreign: () => side('teams.test', stranger),
  }
}

void t.test('a call over mutual TLS: names are proved, the dialog stays on TLS', async (t) => {
  const { box, teams } = await pair(t)
  const names = new Promise<string>((resolve) => {
    teams.srf.use('invite', (req, res) => {
      resolve(`${req.get('X-Peer-Certificate-Names')} ${req.protocol}`)
      void teams.srf.createUAS(req, res, {
        localSdp: sdp,
        headers: { Contact: `<sip:teams.test:${teams.tlsPort};transport=tls>` },
      })
    })
  })
  const dialog: Srf.Dialog = await box.srf.createUAC(`sip:+49@teams.test:${teams.tlsPort};transport=tls`, {
    localSdp: sdp,
    headers: { contact: `<sip:box.test:${box.tlsPort};transport=tls>` },
  })
  t.equal(await names, 'box.test tls')
  dialog.destroy()
  await until(() => teams.engine.counters()['dialogsAlive'] === 0)
  await until(() => box.engine.counters()['dialogsAlive'] === 0)
  t.equal(box.engine.counters()['connectionsOpened'], 1, 'INVITE, ACK and BYE share one connection')
})

void t.test('the far end calls and hangs up over the name in our Contact', async (t) => {
  const { box, teams } = await pair(t)
  const answered = new Promise<Srf.Dialog>((resolve, reject) => {
    box.srf.use('invite', (req, res) => {
      box.srf
        .createUAS(req, res, {
          localSdp: sdp,
          headers: { Contact: `<sip:box.test:${box.tlsPort};transport=tls>` },
        })
        .then(resolve, reject)
    })
  })
  const uac = await teams.srf.createUAC(`sip:+49@box.test:${box.tlsPort};transport=tls`, {
    localSdp: sdp,
    headers: { contact: `<sip:teams.test:${teams.tlsPort};transport=tls>` },
  })
  const ended = new Promise<void>((resolve) => uac.on('destroy', () => resolve()))
  const dialog = await answered
  dialog.destroy()
  await ended
  await until(() => box.engine.counters()['dialogsAlive'] === 0)
})

void t.test('a far end whose certificate nobody signed is not spoken to', async (t) => {
  const { box, foreign } = await pair(t)
  const other = await foreign()
  other.srf.use('invite', () => t.fail('the INVITE reached a stranger'))
  const status = await box.srf
    .createUAC(`sip:+49@teams.test:${other.tlsPort};transport=tls`, { localSdp: sdp })
    .then(
      () => 0,
      (error: { status: number }) => error.status,
    )
  t.equal(status, 503)
})
