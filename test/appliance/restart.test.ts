import t from 'tap'
import { adminPassword, Box } from '#test/support/box.ts'

interface Settings {
  etag: string
  pendingRestart: string[]
  problems: { field: string }[]
}

/** Changes settings as the page does. */
async function change(box: Box, patch: unknown): Promise<Settings> {
  const { etag } = await box.json<Settings>('/api/settings')
  return box.json('/api/settings', { method: 'PATCH', body: patch, headers: { 'if-match': `"${etag}"` } })
}

/** Resolves once the box has said its welcome a second time and is well. */
async function restarted(box: Box): Promise<void> {
  const welcomes = (): number => box.output.split('Setup page ').length - 1
  await box.waitForHealth(({ state }) => welcomes() > 1 && state === 'ok', 30_000)
}

t.test('a restart from the page puts waiting settings in force; the login lasts', async (t) => {
  const box = await Box.prepare({ lab: false })
  t.teardown(async () => {
    await box.kill()
    box.remove()
  })
  await box.start()
  await box.logIn()
  const changed = await change(box, { sip: { realm: 'after.example' } })
  t.strictSame(changed.pendingRestart, ['sip.realm'])
  t.strictSame((await box.json<Settings>('/api/settings')).pendingRestart, ['sip.realm'], 'kept in mind')

  const { pid } = box
  t.equal((await box.ask('/api/restart', { method: 'POST' })).status, 202)
  const credentials = { method: 'POST', body: { label: 'Reception' } }
  await restarted(box)
  t.equal(box.pid, pid, 'without a service manager the same process goes on')
  const added = await box.json<{ credentials: { realm: string } }>('/api/devices', credentials)
  t.equal(added.credentials.realm, 'after.example')
  t.strictSame((await box.json<Settings>('/api/settings')).pendingRestart, [])
  t.match(box.output, /choose Phones, Add phone/)
  t.match(
    box.output.slice(box.output.lastIndexOf('Setup page')),
    /page, log in, choose/,
    'no code is promised',
  )
})

t.test('a forgotten password: the console takes it away, and everything else stays', async (t) => {
  const box = await Box.prepare({ lab: false })
  t.teardown(async () => {
    await box.kill()
    box.remove()
  })
  await box.start()
  await box.logIn()
  await box.json('/api/devices', { method: 'POST', body: { label: 'Reception' } })
  t.match(await box.run('--reset-admin'), { code: 1, output: /Another Branchline may be running/ })
  await box.stop()
  t.match(await box.run('--reset-admin'), { code: 0, output: /it prints a claim code/ })
  t.match(await box.run('--reset-admin', '--data', '/nonexistent'), { code: 1, output: /There is no box/ })

  await box.start()
  t.equal((await box.ask('/api/devices')).status, 401, 'the old login has ended')
  t.equal(
    (await box.ask('/api/login', { body: { password: adminPassword } })).status,
    409,
    'the password too',
  )
  await box.logIn()
  t.match(await box.json('/api/devices'), { devices: [{ label: 'Reception' }] })
  t.match(await box.json('/api/audit'), { entries: [{ action: 'box.claim' }, { action: 'admin.reset' }] })
})
