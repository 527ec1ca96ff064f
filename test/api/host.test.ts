import t from 'tap'
import type { HostControl } from '#src/host/requests/ports.ts'
import { startTestApi, testPassword } from './api-fixture.ts'

function fakeHost(asked: string[]): HostControl {
  return {
    ownsMachine: true,
    reboot: async (reason) => void asked.push(`reboot: ${reason}`),
    factoryReset: async (reason) => void asked.push(`reset: ${reason}`),
    setTimeZone: async (timeZone) => void asked.push(timeZone),
  }
}

t.test('a factory reset wants the password once more and the words, typed', async (t) => {
  const asked: string[] = []
  const api = await startTestApi(t, { parts: { host: fakeHost(asked) } })
  const reset = async (body: unknown) =>
    (await api.ask('POST', '/api/host/factory-reset', body)).json<unknown>()
  const confirmation = 'factory reset'
  t.match(await reset({ password: testPassword, confirmation }), { code: 'UNAUTHENTICATED' })
  await api.claim()
  t.match(await reset({ password: testPassword }), { code: 'INVALID', details: { field: 'confirmation' } })
  t.match(await reset({ password: testPassword, confirmation: 'yes' }), { code: 'INVALID' })
  t.match(await reset({ password: 'not the password', confirmation }), { code: 'PASSWORD_WRONG' })
  t.strictSame(asked, [])
  t.match(await reset({ password: testPassword, confirmation: ' Factory Reset ' }), {
    machine: true,
    liveCalls: 0,
  })
  t.strictSame(asked, ['reset: asked for on the page'])
  t.match(api.store.audit.list({ limit: 1 }), [{ action: 'host.factory-reset' }])
})

t.test('guessing the password there is as slow as at the login', async (t) => {
  const api = await startTestApi(t, { parts: { host: fakeHost([]) } })
  await api.claim()
  const codes: string[] = []
  for (let guess = 0; guess < 8; guess++) {
    const body = { password: `guess number ${guess}`, confirmation: 'factory reset' }
    codes.push((await api.ask('POST', '/api/host/factory-reset', body)).json<{ code: string }>().code)
  }
  t.ok(codes.includes('TOO_MANY_TRIES'), codes.join(' '))
})

t.test('reboot and time zone', async (t) => {
  const asked: string[] = []
  const api = await startTestApi(t, { parts: { host: fakeHost(asked) } })
  t.equal((await api.ask('POST', '/api/host/reboot', {})).statusCode, 401)
  await api.claim()
  t.match((await api.ask('GET', '/api/host')).json(), { ownsMachine: true, timeZone: /./ })
  t.equal((await api.ask('POST', '/api/host/reboot', {})).statusCode, 202)
  t.equal((await api.ask('POST', '/api/host/time-zone', { timeZone: 'Europe/Berlin' })).statusCode, 204)
  for (const timeZone of ['Mars/Base', '../../etc/passwd', '', 'x'.repeat(65)])
    t.equal((await api.ask('POST', '/api/host/time-zone', { timeZone })).statusCode, 400, timeZone)
  t.strictSame(asked, ['reboot: asked for on the page', 'Europe/Berlin'])
})

t.test('the admin’s password is forgotten while the box runs: logins end, a new code comes up', async (t) => {
  const api = await startTestApi(t)
  await api.claim()
  const before = api.context.owner.code
  t.equal(before, undefined)
  api.context.owner.forget()
  api.context.sessions.removeOthers(undefined)
  t.match(api.context.owner.code, /^\d{4}-\d{4}$/)
  t.equal((await api.ask('GET', '/api/status')).statusCode, 401)
  t.match((await api.ask('GET', '/api/session')).json(), { claimed: false, loggedIn: false })
  t.match((await api.ask('POST', '/api/login', { password: testPassword })).json(), { code: 'NOT_CLAIMED' })
  await api.claim()
  t.equal((await api.ask('GET', '/api/status')).statusCode, 200)
})
