import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { bestNumber, createGraphClient } from '#src/microsoft/graph-client.ts'
import { createHttpClient } from '#src/microsoft/network-client.ts'
import { startHttpsPeer } from './https-peer.ts'

const never = new AbortController().signal
const plan = (servicePlanName: string, provisioningStatus = 'Success') => ({
  servicePlanName,
  provisioningStatus,
})

interface Answers {
  me?: unknown
  licences?: unknown
  teams?: { status?: number; body: unknown }
}

async function read(t: Parameters<typeof startHttpsPeer>[0], answers: Answers) {
  const seen: (string | undefined)[] = []
  const { origin, caPem } = await startHttpsPeer(t, (app) => {
    app.addHook('onRequest', async (request) => void seen.push(request.headers.authorization))
    app.get(
      '/v1.0/me',
      () => answers.me ?? { id: 'u 1', userPrincipalName: 'u@x.example', displayName: null },
    )
    app.get('/v1.0/users/:id/licenseDetails', (request) =>
      answers.licences instanceof Function
        ? (answers.licences as (url: string, host: string) => unknown)(
            request.url,
            request.headers.host ?? '',
          )
        : (answers.licences ?? { value: [] }),
    )
    app.get('/v1.0/admin/teams/userConfigurations/:id', (_request, reply) =>
      reply.code(answers.teams?.status ?? 200).send(answers.teams?.body ?? {}),
    )
  })
  const graph = createGraphClient({
    endpoints: { graphUrl: `${origin}/v1.0`, tenantId: 'tenant', lab: false },
    http: createHttpClient({ caPem, clock: systemClock }),
  })
  return { person: graph.readPerson('the-token', never), seen }
}

void t.test('the example of Microsoft’s documentation, wrapped in value, is understood', async (t) => {
  const { person, seen } = await read(t, {
    me: { id: 'id-1', userPrincipalName: 'adele@contoso.example', displayName: 'Adele' },
    licences: { value: [{ servicePlans: [plan('TEAMS1'), plan('MCOEV')] }] },
    teams: {
      body: {
        value: {
          telephoneNumbers: [
            { telephoneNumber: '+13235550001', assignmentCategory: 'private' },
            { telephoneNumber: 'tel:+13235550002;ext=7', assignmentCategory: 'primary' },
          ],
        },
      },
    },
  })
  t.same(await person, {
    id: 'id-1',
    tenantId: 'tenant',
    upn: 'adele@contoso.example',
    displayName: 'Adele',
    number: '+13235550002',
    licensed: true,
    lab: false,
  })
  t.same([...new Set(seen)], ['Bearer the-token'])
})

void t.test('a disabled plan does not count, and a person without Teams has no number', async (t) => {
  const { person } = await read(t, {
    licences: { value: [{ servicePlans: [plan('MCOEV', 'Disabled')] }] },
    teams: { status: 404, body: { error: { code: 'NotFound', message: '' } } },
  })
  t.match(await person, { licensed: false, number: undefined, displayName: 'u@x.example' })
})

void t.test('licences go on to the next page, but never to another host with the token', async (t) => {
  const paged = await read(t, {
    licences: (url: string, host: string) =>
      url.includes('page=2')
        ? { value: [{ servicePlans: [plan('MCOEV')] }] }
        : { value: [], '@odata.nextLink': `https://${host}${url}?page=2` },
  })
  t.equal((await paged.person).licensed, true)
  const elsewhere = await read(t, {
    licences: { value: [], '@odata.nextLink': 'https://evil.example/v1.0/next' },
  })
  await t.rejects(elsewhere.person, { code: 'TENANT_UNREACHABLE', details: { host: 'evil.example' } })
})

void t.test(
  'a missing permission names the permissions, other failures are TENANT_UNREACHABLE',
  async (t) => {
    const forbidden = await read(t, { teams: { status: 403, body: {} } })
    await t.rejects(forbidden.person, {
      code: 'SIGN_IN_FAILED',
      advice: /TeamsUserConfiguration\.Read\.All/,
    })
    const broken = await read(t, { teams: { status: 503, body: {} } })
    await t.rejects(broken.person, { code: 'TENANT_UNREACHABLE', details: { status: 503 } })
    const odd = await read(t, { me: { id: 7 } })
    await t.rejects(odd.person, { code: 'TENANT_UNREACHABLE' })
  },
)

void t.test('the best number is the primary one that is a number', async (t) => {
  t.equal(bestNumber([]), undefined)
  t.equal(bestNumber([{ telephoneNumber: 'sip:anna@x' }]), undefined)
  t.equal(bestNumber([{ telephoneNumber: '+4930123', assignmentCategory: null }]), '+4930123')
})
