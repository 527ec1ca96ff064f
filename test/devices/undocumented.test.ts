import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { yealinkValues } from '#src/devices/features/yealink-undocumented.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'src/devices/UNDOCUMENTED.md'), 'utf8')
const entries = page.split('\n').filter((line) => line.startsWith('- '))

t.test('every assumption names the place where it stands, and it stands there', async (t) => {
  t.ok(entries.length >= 18, `${entries.length} assumptions`)
  for (const entry of entries) {
    const match = /`(src\/devices\/[a-z0-9./-]+)`: `(.+)`$/.exec(entry)
    const [, path = '', code = ''] = match ?? []
    t.ok(match, entry.slice(0, 60))
    if (match)
      t.ok(readFileSync(join(root, path), 'utf8').includes(code.replaceAll('\\`', '`')), `${path}: ${code}`)
  }
})

t.test('every mark in the code, and every value of the lists, is on the page', async (t) => {
  const folder = join(root, 'src/devices')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const marked = files.filter((name) => /\((?:U|GAP)\)/.test(readFileSync(join(folder, name), 'utf8')))
  t.ok(marked.length >= 5, `${marked.length} files carry a mark`)
  for (const name of marked) t.ok(page.includes(`src/devices/${name}`), name)
  for (const name of Object.keys(yealinkValues)) t.ok(page.includes(`\`${name}: `), name)
})
