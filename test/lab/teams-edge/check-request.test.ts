import t from 'tap'
import {
  calledNumber,
  certificateCovers,
  checkInvite,
  checkReoffer,
  checkTrunk,
  type TrunkRequest,
} from '#src/lab/teams-edge/check-request.ts'

const fqdn = 'box.lab.branchline.example'
const sound: TrunkRequest = {
  method: 'INVITE',
  uri: 'sip:+493055502001@sip.pstnhub.lab.branchline.example;user=phone',
  contact: `<sip:+4940999@${fqdn}:5061;transport=tls>`,
  require: undefined,
  hasReplaces: false,
  body: 'v=0\r\n',
  peerNames: [fqdn],
}

void t.test('a sound request passes', async (t) => {
  t.equal(checkTrunk(sound, fqdn), undefined)
  t.equal(checkTrunk({ ...sound, contact: `<sip:${fqdn}>` }, fqdn), undefined, 'host only')
  t.equal(checkTrunk({ ...sound, peerNames: ['other.example', '*.lab.branchline.example'] }, fqdn), undefined)
  t.equal(
    checkInvite(sound, () => true),
    undefined,
  )
  t.equal(
    checkInvite({ ...sound, require: 'timer' }, () => true),
    undefined,
  )
})

void t.test('trunks that are not who they say are refused', async (t) => {
  const cases: [Partial<TrunkRequest>, number, RegExp][] = [
    [{ peerNames: [] }, 403, /no client certificate/],
    [{ contact: undefined }, 403, /no Contact/],
    [{ contact: '<sip:+4940999@192.0.2.7:5061;transport=tls>' }, 403, /192\.0\.2\.7/],
    [{ contact: '<sip:[2001:db8::1]:5061>' }, 403, /2001:db8::1/],
    [{ contact: '<sip:evil.example:5061>' }, 403, /certificate/],
    [{ contact: '<sip:evil.example>', peerNames: ['evil.example'] }, 403, /No tenant/],
    [{ contact: `<sips:${fqdn}>` }, 403, /scheme sips/],
    [{ contact: '<tel:+4930>' }, 403, /scheme tel/],
    [{ contact: `<sip:@${fqdn}>` }, 400, /not a SIP URI/],
    [{ contact: '*' }, 400, /not a SIP URI/],
  ]
  t.equal(cases.length, 10)
  for (const [change, status, explanation] of cases) {
    const refusal = checkTrunk({ ...sound, ...change }, fqdn)
    t.equal(refusal?.status, status)
    t.match(refusal?.explanation, explanation)
  }
})

void t.test('INVITEs that Direct Routing does not take are refused', async (t) => {
  const cases: [Partial<TrunkRequest>, number, RegExp][] = [
    [{ require: '100rel' }, 420, /100rel/],
    [{ require: 'timer, 100rel' }, 420, /100rel/],
    [{ hasReplaces: true }, 403, /Replaces/],
    [{ uri: 'sip:493055502001@sip.example' }, 404, /E\.164/],
    [{ uri: 'sip:anna@sip.example' }, 404, /E\.164/],
    [{ uri: 'sip:+0123@sip.example' }, 404, /E\.164/],
    [{ uri: 'sip:sip.example' }, 404, /E\.164/],
    [{ body: '' }, 488, /no offer/],
    [{ uri: 'sip:+491@sip.example' }, 404, /\+491 to nobody/],
  ]
  t.equal(cases.length, 9)
  for (const [change, status, explanation] of cases) {
    const refusal = checkInvite({ ...sound, ...change }, (number) => number === '+493055502001')
    t.equal(refusal?.status, status)
    t.match(refusal?.explanation, explanation)
  }
  t.same(checkInvite({ ...sound, require: '100rel' }, () => true)?.headers, { Unsupported: '100rel' })
})

void t.test('numbers keep their plus and lose their parameters', async (t) => {
  t.equal(calledNumber('sip:+493055502001;phone-context=x@sip.example'), '+493055502001')
  t.equal(calledNumber('sip:+49305550200123456@sip.example'), undefined, 'longer than 15 digits')
})

void t.test('a wildcard covers one label', async (t) => {
  t.ok(certificateCovers('*.a.example', 'sbc.a.example'))
  t.notOk(certificateCovers('*.a.example', 'x.sbc.a.example'))
  t.notOk(certificateCovers('*.a.example', 'a.example'))
  t.ok(certificateCovers('SBC.A.example', 'sbc.a.EXAMPLE'))
})

void t.test('only a=inactive is a hold', async (t) => {
  const offer = (line: string): string =>
    `v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/SAVP 8\r\n${line}\r\n`
  t.equal(checkReoffer(offer('a=inactive')), undefined)
  t.equal(checkReoffer(offer('a=sendrecv')), undefined)
  t.match(checkReoffer(offer('a=sendonly')), { status: 488, explanation: /sendonly/ })
  t.match(checkReoffer(offer('a=recvonly')), { status: 488, explanation: /recvonly/ })
  t.match(checkReoffer(offer('a=sendrecv').replace('127.0.0.1', '0.0.0.0')), { status: 488 })
  t.match(checkReoffer(''), { status: 488, explanation: /no offer/ })
})
