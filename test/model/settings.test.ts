import t from 'tap'
import { listSettings, secretSettings } from '#src/model/setting-fields.ts'
import { settingsSchema } from '#src/model/settings.ts'
import { defaultSettings } from '#src/settings/load-configuration.ts'
import { valueAt } from '#src/settings/merge-settings.ts'

t.test(
  'every setting has a title, says when it applies, and has a default unless it is optional',
  async (t) => {
    const fields = listSettings()
    t.ok(fields.length >= 30, `${fields.length} settings were looked at`)
    const titles = new Set<string>()
    for (const field of fields) {
      t.match(field.title, /^[A-Z]\S*( \S+)*$/, `${field.path} is titled like a sentence`)
      t.notOk(titles.has(field.title), `${field.path} has a title of its own`)
      titles.add(field.title)
      t.ok(['live', 'sip', 'reboot'].includes(field.applies), field.path)
      if (!field.optional) {
        t.not(field.default, undefined, `${field.path} has a default`)
        t.strictSame(valueAt(defaultSettings(), field.path), field.default, `${field.path} gets it`)
      }
    }
  },
)

t.test('no group takes unknown names, and every group can be left out', async (t) => {
  interface Node {
    additionalProperties?: unknown
    default?: unknown
    properties?: Record<string, Node>
    items?: Node
  }
  let groups = 0
  const walk = (node: Node, path: string, mayBeLeftOut: boolean): void => {
    if (node.items) walk(node.items, `${path}[]`, false)
    if (!node.properties) return
    groups++
    t.equal(node.additionalProperties, false, path)
    if (mayBeLeftOut) t.strictSame(node.default, {}, `${path} has a default`)
    for (const [name, child] of Object.entries(node.properties)) {
      const optional = listSettings().some(
        (field) => field.path.startsWith(`${path}.${name}.`.slice(1)) && field.optional,
      )
      walk(child, `${path}.${name}`, !optional)
    }
  }
  walk(settingsSchema as Node, '', true)
  t.ok(groups >= 9, `${groups} groups`)
})

t.test('what sounds like a secret is marked as one', async (t) => {
  const secrets = secretSettings()
  for (const { path } of listSettings()) {
    if (/secret|password|token/i.test(path)) t.ok(secrets.includes(path), path)
  }
  t.strictSame(secrets, ['sip.drachtio.secret'])
})
