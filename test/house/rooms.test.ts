import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errorTable } from '#src/base/errors.ts'
import { root, sourceFiles } from './source-files.ts'

const files = sourceFiles('src')

t.test('no file outgrows one reason to change', async (t) => {
  for (const file of [...files, ...sourceFiles('web')]) {
    const lines = file.text.split('\n').length
    if (lines > 400) t.fail(`${file.path} has ${lines} lines`)
  }
  t.ok(files.length > 40, `${files.length} files were measured`)
})

t.test('every folder of src says what it is for, briefly', async (t) => {
  for (const entry of readdirSync(join(root, 'src'), { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const readme = join(root, 'src', entry.name, 'README.md')
    t.ok(existsSync(readme), `src/${entry.name}/README.md is there`)
    if (existsSync(readme)) {
      const lines = readFileSync(readme, 'utf8').trimEnd().split('\n').length
      t.ok(lines <= 40, `src/${entry.name}/README.md is short (${lines} lines)`)
    }
  }
})

t.test('the environment is read in one place', async (t) => {
  for (const file of files) {
    if (file.path !== 'src/main.ts' && /process\.env\b/.test(file.text))
      t.fail(`${file.path} reads process.env`)
  }
  t.pass('all files were looked at')
})

t.test('time comes from the clock', async (t) => {
  for (const file of files) {
    if (file.path === 'src/base/clock.ts') continue
    const code = file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    if (/\b(setTimeout|setInterval)\(/.test(code)) t.fail(`${file.path} starts a timer of its own`)
  }
  t.pass('all files were looked at')
})

t.test('every code of an error is documented', async (t) => {
  const readme = readFileSync(join(root, 'src/base/ERRORS.md'), 'utf8')
  const documented = new Set([...readme.matchAll(/^- `([A-Z_]+)`/gm)].map((match) => match[1]))
  for (const code of Object.keys(errorTable)) t.ok(documented.has(code), `${code} stands in ERRORS.md`)
  for (const code of documented) t.ok((code as string) in errorTable, `${code} of ERRORS.md exists`)
})
