import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RequestFolder } from '#src/host-agent/request-folder.ts'

function prepare(t: Test) {
  const base = mkdtempSync(join(tmpdir(), 'branchline-agent-'))
  const path = join(base, 'requests')
  mkdirSync(path)
  const folder = RequestFolder.open(path)
  t.teardown(() => {
    folder[Symbol.dispose]()
    rmSync(base, { recursive: true, force: true })
  })
  const secret = join(base, 'secret')
  writeFileSync(secret, 'the secret')
  return { base, path, folder, secret, file: (name: string) => join(path, name) }
}

t.test('a request is taken once', async (t) => {
  const { folder, file } = prepare(t)
  t.equal(folder.take('reboot'), undefined, 'nothing is there')
  writeFileSync(file('reboot.json'), '{}')
  t.match(folder.take('reboot'), { ok: true, bytes: Buffer.from('{}') })
  t.notOk(existsSync(file('reboot.json')))
  t.equal(folder.take('reboot'), undefined)
})

t.test('an answer appears whole, readable for the box, in place of an older one', async (t) => {
  const { folder, file, path } = prepare(t)
  writeFileSync(file('time.result.json'), 'x'.repeat(5000))
  folder.answer('time', { ok: false, error: 'Not known.' })
  t.strictSame(JSON.parse(readFileSync(file('time.result.json'), 'utf8')), { ok: false, error: 'Not known.' })
  t.equal(statSync(file('time.result.json')).mode & 0o777, 0o644)
  t.strictSame(readdirSync(path), ['time.result.json'], 'nothing else stays behind')
})

t.test('a link is not followed, a pipe is not waited for, and neither stays', async (t) => {
  const { folder, file, secret } = prepare(t)
  symlinkSync(secret, file('network.json'))
  t.match(folder.take('network'), { ok: false, error: /plain file/ })
  t.notOk(lstatSync(file('network.json'), { throwIfNoEntry: false }))
  execFileSync('mkfifo', [file('network.json')])
  t.match(folder.take('network'), { ok: false, error: /plain file/ })
  t.notOk(existsSync(file('network.json')))
  symlinkSync('/dev/zero', file('network.json'))
  t.match(folder.take('network'), { ok: false })
  t.equal(readFileSync(secret, 'utf8'), 'the secret')
})

t.test('a folder in place of a request is put aside, or it would wake the root side for ever', async (t) => {
  const { folder, file } = prepare(t)
  mkdirSync(file('network.json'))
  writeFileSync(join(file('network.json'), 'full'), '')
  t.match(folder.take('network'), { ok: false, error: /plain file/ })
  t.notOk(existsSync(file('network.json')))
  t.equal(folder.take('network'), undefined)
})

t.test('ten megabytes are refused unread', async (t) => {
  const { folder, file } = prepare(t)
  writeFileSync(file('time.json'), '')
  truncateSync(file('time.json'), 10 * 1024 * 1024)
  t.match(folder.take('time'), { ok: false, error: /too large/ })
  t.notOk(existsSync(file('time.json')))
  writeFileSync(file('time.json'), Buffer.alloc(16_385, 32))
  t.match(folder.take('time'), { ok: false, error: /too large/ })
  writeFileSync(file('time.json'), Buffer.alloc(16_384, 32))
  t.match(folder.take('time'), { ok: true })
})

t.test('an answer is never written through what the box put in its place', async (t) => {
  const { folder, file, secret } = prepare(t)
  for (const name of ['.time.result.new', 'time.result.json']) {
    symlinkSync(secret, file(name))
    folder.answer('time', { ok: true })
    rmSync(file('time.result.json'))
    linkSync(secret, file(name))
    folder.answer('time', { ok: true })
    t.ok(lstatSync(file('time.result.json')).isFile())
    rmSync(file('time.result.json'))
    mkdirSync(file(name))
    writeFileSync(join(file(name), 'full'), '')
    folder.answer('time', { ok: true })
    t.ok(lstatSync(file('time.result.json')).isFile(), `a folder called ${name} is in nobody's way`)
    rmSync(file('time.result.json'))
  }
  t.equal(readFileSync(secret, 'utf8'), 'the secret')
})

t.test('the folder that was opened is the folder that is used, whatever takes its name', async (t) => {
  const { base, path, folder } = prepare(t)
  const elsewhere = join(base, 'elsewhere')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'reboot.json'), '{}')
  renameSync(path, join(base, 'moved'))
  symlinkSync(elsewhere, path)
  t.equal(folder.take('reboot'), undefined)
  folder.answer('reboot', { ok: true })
  t.strictSame(readdirSync(elsewhere), ['reboot.json'])
  t.throws(() => RequestFolder.open(path), 'and a link is not opened as the folder')
})
