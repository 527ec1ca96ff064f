import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { authenticationField, registerScenario } from '#test/peers/sipp-scenarios.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { startOffice, type TestOffice } from '#test/pbx/support/test-office.ts'
import { temporaryDirectory } from '#test/store/store-fixture.ts'
import { until } from '#test/support/until.ts'

/** Starts Debian's linphonec with one account on the office; its folder. */
function linphone(t: Test, office: TestOffice): string {
  const home = temporaryDirectory(t)
  mkdirSync(join(home, '.local/share/linphone'), { recursive: true })
  const lines = [
    '[sip]',
    'sip_port=-1',
    'sip_tcp_port=-1',
    'default_proxy=0',
    '[auth_info_0]',
    'username=anna',
    'passwd=secret',
    'realm=branchline',
    '[proxy_0]',
    `reg_proxy=<sip:127.0.0.1:${office.engine.udpPort};transport=udp>`,
    'reg_identity=sip:anna@127.0.0.1',
    'reg_expires=600',
    'reg_sendregister=1',
    '',
  ]
  writeFileSync(join(home, 'rc'), lines.join('\n'))
  const child = spawn('/usr/bin/linphonec', ['-c', join(home, 'rc'), '-l', join(home, 'log'), '-d', '6'], {
    env: { HOME: home, PATH: '/usr/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await gone
  })
  return home
}

t.test('Linphone proves its password with SHA-256 where MD5 is off (RFC 8760)', async (t) => {
  const office = await startOffice(t, { settings: { digestAlgorithms: ['SHA-512-256', 'SHA-256'] } })
  await office.phone('anna')
  const home = linphone(t, office)
  try {
    await until(() => office.store.bindings.find('anna', Date.now()).length === 1)
  } catch (error) {
    t.comment(readFileSync(join(home, 'log'), 'utf8').slice(-4000))
    throw error
  }
  t.match(readFileSync(join(home, 'log'), 'utf8'), /Authorization: +Digest[^\n]*algorithm=SHA-256/)
  t.match(office.store.bindings.find('anna', Date.now()), [
    { userAgent: /Linphone/i, instanceId: /^urn:uuid:/ },
  ])
  t.match(office.pbx.counters(), { authAlgorithmOff: 0, authMalformed: 0 })
})

t.test('SIPp, which knows MD5 alone, is let in or not as set', async (t) => {
  const office = await startOffice(t)
  await office.phone('ben')
  const register = async () =>
    startSipp({
      scenario: registerScenario(),
      fields: [['ben', authenticationField('ben', 'secret')]],
      localPort: await freePort(),
      target: `127.0.0.1:${office.engine.udpPort}`,
      calls: 1,
    }).done
  t.match(await register(), { successful: 1, failed: 0 })
  office.settings.sip.digestAlgorithms = ['SHA-256']
  t.match(await register(), { successful: 0 })
  t.equal(office.pbx.counters()['registersAccepted'], 1)
})
