import t from 'tap'
import type { TeamsHost } from '#src/model/tenant.ts'
import {
  allowedMethods,
  quotedName,
  teamsAnswerHeaders,
  teamsContact,
  teamsInviteHeaders,
  teamsInviteTarget,
  teamsOptionsHeaders,
  teamsOptionsTarget,
} from '#src/pbx/uplink/teams-headers.ts'

const identity = { sbcFqdn: 'sbc.example.org', contactPort: 5061 }
const host: TeamsHost = { name: 'sip.pstnhub.microsoft.com', port: 5061, address: undefined }

t.test('INVITE: caller and Contact carry the FQDN, the number goes to the host', async (t) => {
  t.same(teamsInviteHeaders(identity, { number: '+4940999', displayName: 'Anna "A" B\r\nX: y' }), {
    From: '"Anna \\"A\\" B X: y" <sip:+4940999@sbc.example.org>',
    Contact: '<sip:+4940999@sbc.example.org:5061;transport=tls>',
    Allow: allowedMethods,
  })
  t.same(teamsInviteTarget(host, '+4930123456'), {
    uri: 'sip:+4930123456@sip.pstnhub.microsoft.com;user=phone',
    proxy: 'sip:sip.pstnhub.microsoft.com:5061;transport=tls',
  })
})

t.test('OPTIONS: Contact has the FQDN and no empty user part', async (t) => {
  t.same(teamsOptionsHeaders(identity, host), {
    From: '<sip:sbc.example.org>',
    To: '<sip:sip.pstnhub.microsoft.com>',
    Contact: '<sip:sbc.example.org:5061;transport=tls>',
    Allow: allowedMethods,
    Accept: 'application/sdp',
  })
  t.equal(teamsOptionsTarget(host).uri, 'sip:sip.pstnhub.microsoft.com:5061;transport=tls')
})

t.test('never Replaces, 100rel, SIPS or REFER toward Teams (acceptance number 9)', async (t) => {
  const all = JSON.stringify([
    teamsInviteHeaders(identity, { number: '+49', displayName: undefined }),
    teamsOptionsHeaders(identity, host),
    teamsAnswerHeaders(identity, '+49'),
    teamsInviteTarget(host, '+49'),
    teamsOptionsTarget(host),
  ])
  t.notMatch(all, /replaces|100rel|sips:|REFER|@:|P-Asserted/i)
})

t.test('a name never breaks out of its quotes', async (t) => {
  t.equal(quotedName(undefined), '')
  t.equal(quotedName('  '), '')
  t.equal(quotedName('Back\\slash'), '"Back\\\\slash" ')
  t.equal(teamsContact(identity, '+49'), '<sip:+49@sbc.example.org:5061;transport=tls>')
})
