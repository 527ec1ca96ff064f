import t from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import type {
  NetworkConfiguration,
  NetworkControl,
  NetworkProof,
  NetworkTrial,
} from '#src/host/network/ports.ts'
import { startApi } from '#src/api/start-api.ts'
import { ask } from '#test/support/https.ts'
import { startTestApi, testOptions } from './api-fixture.ts'

/** A network that writes down what is asked of it. */
class FakeNetwork implements NetworkControl {
  trial: NetworkTrial | undefined
  readonly proofs: NetworkProof[] = []

  async view() {
    const addresses = [{ address: '192.0.2.7', prefixLength: 24, family: 4 as const }]
    const port = { name: 'eth0', mac: undefined, link: undefined, physical: true, addresses }
    return {
      ...{ supported: true, system: { interfaces: [port], gateways: ['192.0.2.1'], dns: [] } },
      ...{ configured: undefined, trial: this.trial, lastFailure: undefined },
    }
  }
  async startTrial(configuration: NetworkConfiguration) {
    if (this.trial) throw new ApplianceError('TRIAL_RUNNING')
    this.trial = { state: 'onTrial', configuration, secondsLeft: 60 }
    return { trial: this.trial, token: 'the-token' }
  }
  async confirm(proof: NetworkProof) {
    this.proofs.push(proof)
    if (!this.trial) throw new ApplianceError('TRIAL_NONE')
    this.trial = undefined
  }
  isTrialToken(token: string) {
    return this.trial !== undefined && token === 'the-token'
  }
  async rollBack() {
    if (!this.trial) throw new ApplianceError('TRIAL_NONE')
    this.trial = undefined
  }
}

const fixed = {
  mode: 'static',
  address: '192.0.2.10',
  prefixLength: 24,
  gateway: '192.0.2.1',
  dns: ['192.0.2.53'],
}

t.test('the network is shown to the admin, null standing for none', async (t) => {
  const api = await startTestApi(t, { parts: { network: new FakeNetwork() } })
  t.equal((await api.ask('GET', '/api/network')).statusCode, 401)
  await api.claim()
  t.strictSame((await api.ask('GET', '/api/network')).json(), {
    supported: true,
    current: {
      interfaces: [
        {
          ...{ name: 'eth0', mac: null, link: null, physical: true },
          addresses: [{ address: '192.0.2.7', prefixLength: 24, family: 4 }],
        },
      ],
      gateways: ['192.0.2.1'],
      dns: [],
    },
    configured: null,
    trial: null,
    lastFailure: null,
  })
})

t.test('a trial is started, confirmed with its token alone, and noted', async (t) => {
  const network = new FakeNetwork()
  const api = await startTestApi(t, { parts: { network } })
  t.equal((await api.ask('POST', '/api/network/trial', fixed)).statusCode, 401)
  await api.claim()
  const started = await api.ask('POST', '/api/network/trial', { ...fixed, vlan: null, interface: 'eth0' })
  t.strictSame(started.json(), {
    trial: {
      ...{ state: 'onTrial', secondsLeft: 60 },
      configuration: { ...fixed, vlan: null, interface: 'eth0' },
    },
    confirmToken: 'the-token',
  })
  t.match((await api.ask('POST', '/api/network/trial', fixed)).json(), { code: 'TRIAL_RUNNING' })
  // At the new address the browser has no cookie.
  api.cookie = undefined
  for (const token of [undefined, '', 'wrong'])
    t.not(
      (await api.ask('POST', '/api/network/confirm', { ...(token === undefined ? {} : { token }) }))
        .statusCode,
      204,
    )
  t.ok(network.trial, 'a stranger keeps nothing')
  t.equal(network.proofs.length, 0)
  const stranger = { origin: 'https://evil.example' }
  t.equal((await api.ask('POST', '/api/network/confirm', { token: 'the-token' }, stranger)).statusCode, 403)
  t.equal((await api.ask('POST', '/api/network/confirm', { token: 'the-token' })).statusCode, 204)
  t.match(network.proofs, [{ by: 'page' }])
  t.match(
    api.store.audit.list({ limit: 2 }).map(({ action }) => action),
    ['network.confirm', 'network.trial'],
  )
})

t.test('the address at which the confirmation really arrived is the proof', async (t) => {
  const network = new FakeNetwork()
  const options = await testOptions({
    listen: { host: '0.0.0.0', httpsPort: 0, httpPort: 0 },
    parts: { network },
  })
  const api = await startApi(options)
  t.teardown(() => api.stop())
  for (const host of ['127.0.0.1', '127.0.0.77']) {
    await network.startTrial({ mode: 'dhcp' })
    const url = `https://${host}:${api.httpsPort}/api/network/confirm`
    // Whatever it claims: a header is no proof.
    const headers = { host: '192.0.2.10:8443', 'x-forwarded-for': '192.0.2.10', 'x-real-ip': '192.0.2.10' }
    const reply = await ask(url, { body: { token: 'the-token' }, headers, caPem: false })
    t.equal(reply.status, 204, reply.text)
  }
  t.strictSame(network.proofs, [
    { by: 'page', localAddress: '127.0.0.1' },
    { by: 'page', localAddress: '127.0.0.77' },
  ])
})

t.test('taken back by the admin', async (t) => {
  const network = new FakeNetwork()
  const api = await startTestApi(t, { parts: { network } })
  await api.claim()
  t.match((await api.ask('POST', '/api/network/rollback', {})).json(), { code: 'TRIAL_NONE' })
  await api.ask('POST', '/api/network/trial', { mode: 'dhcp' })
  t.equal((await api.ask('POST', '/api/network/rollback', {})).statusCode, 204)
  t.equal(network.trial, undefined)
})

/** Body -> the field that the refusal names. */
const refused: [unknown, string][] = [
  [{}, 'mode'],
  [{ mode: 'magic' }, 'mode'],
  [{ mode: 'static', prefixLength: 24 }, 'address'],
  [{ mode: 'static', address: '192.0.2.10' }, 'prefixLength'],
  [{ ...fixed, address: '192.0.2.10; reboot' }, 'address'],
  [{ ...fixed, prefixLength: 31 }, 'prefixLength'],
  [{ ...fixed, prefixLength: '24' }, 'prefixLength'],
  [{ ...fixed, vlan: 4095 }, 'vlan'],
  [{ ...fixed, interface: '../eth0' }, 'interface'],
  [{ ...fixed, dns: ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'] }, 'dns'],
  [{ ...fixed, evil: true }, 'evil'],
  [{ mode: 'dhcp', address: '192.0.2.10' }, 'address'],
  [{ mode: 'dhcp', dns: ['192.0.2.53'] }, 'dns'],
]

t.test('what is no configuration is refused by field', async (t) => {
  const network = new FakeNetwork()
  const api = await startTestApi(t, { parts: { network } })
  await api.claim()
  for (const [body, field] of refused) {
    const reply = await api.ask('POST', '/api/network/trial', body)
    t.equal(reply.statusCode, 400, JSON.stringify(body))
    t.match(reply.json<{ details: { field: string } }>().details.field, field)
  }
  t.equal(network.trial, undefined)
  t.equal(refused.length, 13)
})
