import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import type { Settings } from '#src/model/settings.ts'
import { createSettingsService, type SettingsPart } from '#src/settings/settings-service.ts'
import { openTestStore, temporaryDirectory } from '#test/store/store-fixture.ts'

/** A part that takes what begins with `prefix` and remembers what it was given. */
function part(name: string, prefix: string, fails = false): SettingsPart & { given: Settings[] } {
  const given: Settings[] = []
  return {
    name,
    given,
    takes: ({ path }) => path.startsWith(prefix),
    async apply(settings) {
      given.push(settings)
      if (fails && given.length === 1) throw new Error('port taken')
    },
  }
}

t.test('a change is saved, and named as waiting where no running part takes it', async (t) => {
  const { settings: store } = openTestStore(t)
  const log = part('log', 'log.')
  const service = createSettingsService({ store, parts: [log] })
  const { etag } = service.read()
  const result = await service.change({ log: { level: 'debug' }, sip: { udpPort: 7000 } }, etag)
  t.strictSame(result.applied, ['log.level'])
  t.strictSame(result.pendingRestart, ['sip.udpPort'])
  t.equal(log.given[0]?.log.level, 'debug')
  t.not(result.etag, etag)
  t.strictSame(service.read().document, { log: { level: 'debug' }, sip: { udpPort: 7000 } })
  t.match(service.read().effective, { sip: { udpPort: 7000, tcpPort: 5060 } })
  t.equal(service.current().sip.udpPort, 7000)

  const back = await service.change({ sip: { udpPort: null } }, `"${result.etag}"`)
  t.strictSame(back.pendingRestart, [], 'back to what is in force: nothing waits')
  t.strictSame(service.read().document, { log: { level: 'debug' } }, 'only what differs is kept')
})

t.test('a stale etag is a conflict; of two changes at once only the first wins', async (t) => {
  const { settings: store } = openTestStore(t)
  const service = createSettingsService({ store })
  const { etag } = service.read()
  const [first, second] = await Promise.allSettled([
    service.change({ stopGraceS: 1 }, etag),
    service.change({ stopGraceS: 2 }, `W/"${etag}"`),
  ])
  t.equal(first.status, 'fulfilled')
  t.match(second, { status: 'rejected', reason: { code: 'CONFLICT' } })
  t.equal(service.current().stopGraceS, 1)
})

t.test('a wrong value is refused with its field and changes nothing', async (t) => {
  const { settings: store } = openTestStore(t)
  const service = createSettingsService({ store })
  const { etag } = service.read()
  await t.rejects(service.change({ sip: { udpPort: 'x' } }, etag), {
    code: 'CONFIG_INVALID',
    details: { field: 'sip.udpPort' },
  })
  await t.rejects(service.change({ media: { portMax: 20001 } }, etag), {
    code: 'CONFIG_INVALID',
    details: { field: 'media.portMax' },
  })
  t.equal(service.read().etag, etag)
})

t.test('a part that refuses: the parts before it go back, nothing is saved', async (t) => {
  const { settings: store } = openTestStore(t)
  const first = part('sip', 'sip.')
  const second = part('media', 'sip.', true)
  const service = createSettingsService({ store, parts: [first, second] })
  const { etag } = service.read()
  await t.rejects(service.change({ sip: { udpPort: 7000 } }, etag), {
    code: 'CONFLICT',
    message: /media.*port taken/,
  })
  t.strictSame(
    first.given.map(({ sip }) => sip.udpPort),
    [7000, 5060],
  )
  t.strictSame(
    second.given.map(({ sip }) => sip.udpPort),
    [7000, 5060],
  )
  t.equal(service.read().etag, etag)
})

t.test('when the disk does not take it, the parts go back', async (t) => {
  const store = openTestStore(t).settings
  const sip = part('sip', 'sip.')
  const broken = {
    active: () => store.active(),
    activate: () => {
      throw new Error('disk full')
    },
  }
  const service = createSettingsService({ store: broken, parts: [sip] })
  await t.rejects(service.change({ sip: { udpPort: 7000 } }, service.read().etag), { message: 'disk full' })
  t.strictSame(
    sip.given.map((given) => given.sip.udpPort),
    [7000, 5060],
  )
})

t.test('what file or command line set cannot be changed here, and is said so', async (t) => {
  const { settings: store } = openTestStore(t)
  const file = join(temporaryDirectory(t), 'config.json')
  writeFileSync(file, '{ "sip": { "udpPort": 6000 } }')
  const service = createSettingsService({ store, file, args: { listen: '127.0.0.1' } })
  const { etag } = service.read()
  await t.rejects(service.change({ listen: '0.0.0.0' }, etag), {
    code: 'CONFIG_INVALID',
    details: { field: 'listen' },
    message: /command line/,
  })
  await t.rejects(service.change({ sip: { udpPort: 1 } }, etag), {
    details: { field: 'sip.udpPort' },
    message: file,
  })
  const { pendingRestart } = await service.change({ listen: '127.0.0.1', stopGraceS: 3 }, etag)
  t.strictSame(pendingRestart, ['stopGraceS'], 'the same value is no change')
})

t.test('secrets are masked, and the mask sent back leaves them as they are', async (t) => {
  const { settings: store } = openTestStore(t)
  const service = createSettingsService({ store })
  const drachtio = { host: 'd.example', port: 9022, secret: 'cymru' }
  const { etag } = await service.change({ sip: { drachtio } }, service.read().etag)
  t.notOk(JSON.stringify(service.read()).includes('cymru'))
  t.equal(service.current().sip.drachtio?.secret, 'cymru')
  const shown = service.read().document
  await service.change({ ...shown, stopGraceS: 5, site: { country: null } }, etag)
  t.equal(service.current().sip.drachtio?.secret, 'cymru')
  t.equal(service.current().stopGraceS, 5)
  await service.change({ sip: { drachtio: null } }, service.read().etag)
  t.equal(service.current().sip.drachtio, undefined)
})

t.test('listeners hear what was changed once it is saved', async (t) => {
  const { settings: store } = openTestStore(t)
  const service = createSettingsService({ store })
  const heard: string[] = []
  service.on('changed', ({ changes, settings }) => {
    heard.push(...changes.map(({ path, applies }) => `${path} ${applies} ${settings.stopGraceS}`))
  })
  await service.change({ stopGraceS: 7 }, service.read().etag)
  t.strictSame(heard, ['stopGraceS live 7'])
})

t.test('a refusal names the setting as the page does', async (t) => {
  const { settings: store } = openTestStore(t)
  const service = createSettingsService({ store })
  await t.rejects(service.change({ sip: { udpPort: 'abc' } }, service.read().etag), {
    message: 'SIP over UDP port: "abc" is not allowed here: expected a whole number from 0 to 65535.',
    advice: undefined,
  })
})

t.test('an address that this machine does not have is refused before it locks everybody out', async (t) => {
  const { settings: store } = openTestStore(t)
  const service = createSettingsService({ store })
  const { etag } = service.read()
  await t.rejects(service.change({ listen: '192.0.2.99' }, etag), {
    code: 'CONFIG_INVALID',
    details: { field: 'listen' },
    advice: /127\.0\.0\.1/,
  })
  t.match(await service.change({ listen: '127.0.0.1' }, etag), { pendingRestart: ['listen'] })
})

t.test(
  'saved settings of a later version: the rest is shown, they are named and can be taken out',
  async (t) => {
    const { settings: store } = openTestStore(t)
    store.activate(
      {
        stopGraceS: 7,
        sip: { udpPort: 'later', newField: 1 },
        tenant: { kind: 'microsoft' },
        invented: { a: 1 },
      },
      store.active().etag,
    )
    const service = createSettingsService({ store })
    const read = service.read()
    t.match(read.effective, { stopGraceS: 7, sip: { udpPort: 5060 } }, 'what is sound holds')
    const fields = [...new Set(read.problems.map(({ field }) => field))]
    t.strictSame(fields.sort(), ['invented', 'sip.newField', 'sip.udpPort', 'tenant'])
    await t.rejects(
      service.change({ stopGraceS: 8 }, read.etag),
      { code: 'CONFIG_INVALID' },
      'not around them',
    )

    const patch = { invented: null, sip: { newField: null, udpPort: null }, tenant: null, stopGraceS: 8 }
    const changed = await service.change(patch, read.etag)
    t.strictSame(service.read().document, { stopGraceS: 8 })
    t.strictSame(service.read().problems, [])
    t.strictSame(
      changed.pendingRestart.sort(),
      [...fields, 'stopGraceS'].sort(),
      'the box ran in rescue: it restarts',
    )
  },
)

t.test('a wrong configuration file is not blamed on what was saved', async (t) => {
  const { settings: store } = openTestStore(t)
  const file = join(temporaryDirectory(t), 'box.json')
  writeFileSync(file, '{"sip":{"udpPort":"x"}}')
  t.throws(() => createSettingsService({ store, file }).read(), { code: 'CONFIG_INVALID', message: file })
})
