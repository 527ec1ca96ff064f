// An application of drachtio-srf in a process of its own, to be killed by tests:
// node test/engine/support/loss-app.ts DOOR-PORT SECRET TAG CALLEE-PORT. Takes registrations, bridges calls to the
// callee, never answers `slow`, and says READY, then a line for each call that is up.
import Srf, { type SrfRequest, type SrfResponse } from 'drachtio-srf'

const [doorPort = '', secret = '', tag = '', calleePort = ''] = process.argv.slice(2)
const srf = new Srf(tag)
const say = (line: string): void => void process.stdout.write(`${line}\n`)
process.on('unhandledRejection', (reason) => say(`rejected ${String(reason)}`))
srf.on('error', (error) => say(`error ${String(error)}`))
srf.use('register', (_req: SrfRequest, res: SrfResponse) => void res.send(200))
// Where a dialog of a former life is asked for something.
srf.use('info', (_req: SrfRequest, res: SrfResponse) => void res.send(200, { headers: { 'X-App': tag } }))
srf.use('invite', (req: SrfRequest, res: SrfResponse) => {
  if (req.uri.includes('slow')) return
  const target = `sip:callee@127.0.0.1:${calleePort}`
  srf.createB2BUA(req, res, target, { localSdpB: req.body }).then(
    ({ uas, uac }) => {
      say('call')
      uas.on('destroy', () => void uac.destroy())
      uac.on('destroy', () => void uas.destroy())
    },
    () => undefined,
  )
})
srf.on('connect', () => say('READY'))
void srf.connect({ host: '127.0.0.1', port: Number(doorPort), secret })
