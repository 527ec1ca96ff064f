import t from 'tap'
import { claimOnPage, startWebBox } from './browser-fixture.ts'

t.test('a box without a tenant says so, and does not tick that off', async (t) => {
  const box = await startWebBox(t)
  const { page, pbx, health, origin } = box
  health.lab = false
  health.parts.push({
    name: 'tenant',
    state: 'off',
    detail: 'No tenant is set up.',
    advice: undefined,
  })
  pbx.trunkList = [{ name: 'teams', state: 'off', hosts: [] }]
  await claimOnPage(box)
  await page.goto(`${origin}/#/status`)
  await page.getByText('there is no tenant yet').waitFor()
  await page.getByText('No trunk yet: calls stay inside the office.').waitFor()
  const choose = page.getByRole('listitem').filter({ hasText: 'Choose a tenant' })
  t.equal(await choose.getAttribute('class'), 'next', 'this is what to do next')
  await choose.getByRole('link', { name: 'Setup' }).click()
  await page.getByRole('heading', { name: 'Teams', level: 1 }).waitFor()
})

t.test(
  'while hardly anything runs, nothing is said twice and nobody is sent where nothing can be set',
  async (t) => {
    const box = await startWebBox(t)
    const { page, health, settings, origin } = box
    await claimOnPage(box)
    health.parts.push({ name: 'settings', state: 'failed', detail: 'Unreadable.', advice: undefined })
    settings.problems = [{ field: 'sip.nonsense', text: 'There is no such setting.' }]
    const answered = page.waitForResponse('**/api/off-boarded')
    await page.goto(`${origin}/#/common-area`)
    await answered
    await page.getByText('Phones can be neither announced nor off-boarded now.').first().waitFor()
    await page.getByText('Reading from the box').waitFor({ state: 'detached' })
    t.equal(await page.getByText('Phones can be neither announced nor off-boarded now.').count(), 1)
    await page.goto(`${origin}/#/settings`)
    await page.getByText('There is no such setting.').waitFor()
    t.equal(await page.getByRole('navigation', { name: 'Settings with checks' }).count(), 0)
    await page.getByRole('button', { name: 'Restart the box …' }).waitFor()
  },
)

t.test('long names wrap at 390 px, also beside the person who is signed in there', async (t) => {
  const box = await startWebBox(t, { width: 390 })
  const { page, store, origin } = box
  await claimOnPage(box)
  const label = 'Reception desk of the very long ground floor, left of lift'
  const answer = await page.request.post(`${origin}/api/devices`, { data: { label }, headers: { origin } })
  const { credentials } = (await answer.json()) as { credentials: { lineId: string } }
  store.signIns.save(
    { lineId: credentials.lineId, userId: 'anna-id', signedInAtMs: 1, verifiedAtMs: 1 },
    {
      id: 'anna-id',
      tenantId: 'lab',
      upn: 'anna@lab.example',
      displayName: 'Anna Albrecht',
      number: '+493055501001',
      licensed: true,
      lab: true,
      updatedAtMs: 1,
    },
    '{}',
  )
  for (const hash of ['people', 'phones']) {
    await page.goto(`${origin}/#/${hash}`)
    await page.getByText(label).first().waitFor()
    const wide = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )
    t.equal(wide, 0, `${hash} scrolls down only`)
  }
})
