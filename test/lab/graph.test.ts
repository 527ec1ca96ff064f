import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { createTokens } from '#src/lab/entra/tokens.ts'
import { labClientId, labTenantId } from '#src/lab/identity.ts'
import { labPeople, type LabPerson } from '#src/lab/people.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { json, startTestLab, type Testing } from './lab-fixture.ts'

const scope = 'User.Read TeamsUserConfiguration.Read.All'

async function setUp(t: Testing) {
  const clock = new FakeClock()
  const dataDir = t.testdir()
  const lab = await startTestLab(t, { clock, dataDir })
  const signingKeyPem = await readFile(join(dataDir, 'token-signing.key.pem'), 'utf8')
  const issuer = `${lab.endpoints.authorityHost}/${labTenantId}/v2.0`
  const tokens = createTokens({ signingKeyPem, issuer, clock, random: systemRandom })
  const person = (key: string): LabPerson => {
    const found = labPeople.find((one) => one.key === key)
    if (!found) throw new Error(`the lab has no ${key}`)
    return found
  }
  const bearer = (key: string, scopes = scope) => ({
    authorization: `Bearer ${tokens.issue(person(key), labClientId, scopes).accessToken}`,
  })
  return { lab, clock, bearer, id: (key: string) => person(key).id }
}

void t.test('a person reads themselves, their licences and their number', async (t) => {
  const { lab, bearer, id } = await setUp(t)
  const anna = bearer('anna')
  t.match(json(await lab.get('/v1.0/me', anna)), { displayName: 'Anna Albrecht', id: id('anna') })
  t.same(Object.keys(json(await lab.get('/v1.0/me?$select=displayName', anna))), ['id', 'displayName'])
  const licences = json(await lab.get(`/v1.0/users/${id('anna')}/licenseDetails`, anna))
  t.match(licences, { value: [{ servicePlans: [{}, { servicePlanName: 'MCOEV' }] }] })
  const teams = json(await lab.get(`/v1.0/admin/teams/userConfigurations/${id('anna')}`, anna))
  t.match(teams, {
    telephoneNumbers: [{ telephoneNumber: '+493055501001', assignmentCategory: 'primary' }],
    isEnterpriseVoiceEnabled: true,
  })
  const lena = json(await lab.get('/v1.0/me/licenseDetails', bearer('lena')))
  t.notMatch(JSON.stringify(lena), /MCOEV/)
  const otto = json(await lab.get(`/v1.0/admin/teams/userConfigurations/${id('otto')}`, bearer('otto')))
  t.match(otto, { telephoneNumbers: [], isEnterpriseVoiceEnabled: false })
})

void t.test('without a good token there is nothing to read', async (t) => {
  const { lab, clock, bearer, id } = await setUp(t)
  t.equal((await lab.get('/v1.0/me')).status, 401)
  t.equal((await lab.get('/v1.0/me', { authorization: 'Bearer a.b.c' })).status, 401)
  const { authorization } = bearer('anna')
  const forged = authorization.slice(0, -4) + (authorization.endsWith('AAAA') ? 'BBBB' : 'AAAA')
  t.equal((await lab.get('/v1.0/me', { authorization: forged })).status, 401)
  const narrow = await lab.get(
    `/v1.0/admin/teams/userConfigurations/${id('anna')}`,
    bearer('anna', 'User.Read'),
  )
  t.equal(narrow.status, 403)
  t.equal((await lab.get(`/v1.0/users/${id('ben')}`, bearer('anna'))).status, 403)
  t.equal((await lab.get('/v1.0/users/nobody', bearer('anna'))).status, 404)
  await lab.send('PUT', '/lab/accounts/anna', { enabled: false })
  t.equal((await lab.get('/v1.0/me', bearer('anna'))).status, 401)
  const old = bearer('ben')
  clock.advance(3_600_000)
  t.equal((await lab.get('/v1.0/me', old)).status, 401, 'an expired token')
})
