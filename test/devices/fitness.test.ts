import t from 'tap'
import { catalogue } from '#src/devices/catalogue.ts'
import type { DeviceStage } from '#src/devices/device-view.ts'
import { parseFirmware } from '#src/devices/firmware.ts'
import { canRender, filesOf, renderFile } from '#src/devices/render.ts'
import { makeView, secrets } from './view.ts'

const stages: DeviceStage[] = ['bootstrap', 'onboarding', 'full']

t.test('every definition keeps the promises of the catalogue', async (t) => {
  const vendors = ['Yealink', 'Poly', 'Cisco', 'AudioCodes', 'Spectralink']
  t.equal(new Set(catalogue.map(({ id }) => id)).size, catalogue.length, 'ids are unique')
  const models = catalogue.map(({ vendor, model }) => `${vendor} ${model}`.toLowerCase())
  t.equal(new Set(models).size, catalogue.length, 'models are unique')
  for (const row of catalogue) {
    t.ok(vendors.includes(row.vendor), `${row.id}: ${row.vendor} is spelled as in the table`)
    t.match(row.id, /^[a-z0-9]+(?:-[a-z0-9]+)+$/)
    t.equal(row.model, row.model.trim())
    t.ok(parseFirmware(row.family, row.minimumFirmware), `${row.id}: minimum`)
    t.ok(parseFirmware(row.family, row.approvedFirmware), `${row.id}: approved`)
    for (const { url } of row.links) t.equal(new URL(url).protocol, 'https:', row.id)
    if (row.commonFileNumber !== undefined) t.match(row.commonFileNumber, /^\d{2,3}$/, row.id)
    if (row.family === 'yealink') {
      t.ok((row.accounts ?? 0) >= 1 && (row.accounts ?? 0) <= 16, `${row.id}: accounts`)
      t.ok((row.lineKeys ?? -1) >= 0 && (row.lineKeys ?? -1) <= 29, `${row.id}: keys`)
    }
  }
})

t.test(
  'every file of every model that the box renders is whole, and shows no secret too early',
  async (t) => {
    let files = 0
    const rendered = catalogue.filter(({ family }) => canRender(family))
    for (const { family, kind, model, id } of rendered) {
      for (const stage of stages) {
        const view = makeView(stage, {
          device: { mac: '00156500000a', model },
          ...(kind === 'dect-server' ? { dect: { subscriptionAllowed: false } } : {}),
        })
        const names = filesOf({ family, mac: view.device.mac, model })
        t.ok(names.length > 0, `${id} has files`)
        for (const fileName of names) {
          const file = renderFile({ fileName, family }, view)
          if (!file) {
            t.fail(`${id} ${fileName} is not rendered`)
            continue
          }
          files++
          const { body } = file
          if (/undefined|null\b|NaN|\[object/.test(body.replaceAll('%NULL%', ''))) {
            t.fail(`${id} ${stage} ${fileName} has a hole`)
          }
          if (!body.endsWith('\n')) t.fail(`${id} ${stage} ${fileName} ends in mid-line`)
          const hidden = [secrets.password, secrets.adminPassword, secrets.pageToken]
          const shown = hidden.find((secret) => body.includes(secret))
          if (stage === 'bootstrap' && shown) t.fail(`${id} ${fileName} shows ${shown} before HTTPS`)
          if (file.kind !== 'device' && shown && family === 'yealink') {
            t.fail(`${id} ${stage} ${fileName} is common and shows ${shown}`)
          }
        }
      }
    }
    t.ok(rendered.length >= 28, `${rendered.length} models`)
    t.ok(files >= 28 * 3 * 4, `${files} files`)
  },
)
