import t from 'tap'
import { claimOnPage, registerPhone, startWebBox } from './browser-fixture.ts'

t.test('claim, add a phone, see it register, sign in, see a call live and in the log', async (t) => {
  const box = await startWebBox(t)
  const { page, pbx, store, signIn, origin } = box
  const password = 'correct horse battery'
  const goTo = (name: string): Promise<void> =>
    page.getByRole('navigation').getByRole('link', { name }).click()

  await page.goto(origin)
  await page.getByText('lab', { exact: true }).waitFor()
  await page.getByLabel('Claim code').fill('0000-0001')
  await page.getByLabel('Choose an admin password').fill(password)
  await page.getByLabel('The same password again').fill('something else')
  await page.getByRole('button', { name: 'Claim the box' }).click()
  await page.getByText('The two passwords differ.').waitFor()
  await page.getByLabel('The same password again').fill(password)
  await page.getByRole('button', { name: 'Claim the box' }).click()
  await page.getByRole('alert').getByText('The claim code is wrong.').waitFor()
  t.equal(await page.getByLabel('Choose an admin password').inputValue(), password, 'no input is lost')
  await page.getByLabel('Claim code').fill(box.api.claimCode() ?? 'none')
  await page.getByRole('button', { name: 'Claim the box' }).click()
  await page.getByRole('heading', { name: 'Network', level: 1 }).waitFor()
  await goTo('Status')
  await page.getByRole('heading', { name: 'To the first call' }).waitFor()

  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Admin password').fill('wrong password')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('alert').getByText('The password is wrong.').waitFor()
  await page.getByLabel('Admin password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()

  await goTo('People')
  const everybody = page.getByRole('list', { name: 'Calling policy of everybody' })
  await everybody.getByRole('switch', { name: 'Calling on SIP devices' }).click()
  await page
    .getByRole('switch', { name: 'Calling on SIP devices for Anna Albrecht', checked: true })
    .waitFor()
  t.equal(store.callingPolicies.forUser('anna-id').allowSipDevicesCalling, true)

  await goTo('Phones')
  await page.getByText('No phones yet').waitFor()
  await page.getByRole('button', { name: 'Add phone' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Reception')
  await dialog.getByLabel('MAC address (optional)').fill('00156')
  await dialog.getByRole('button', { name: 'Add phone' }).click()
  await dialog.getByText('“mac” does not have the right form.').waitFor()
  await dialog.getByLabel('MAC address (optional)').fill('00:15:65:12:34:56')
  await dialog.getByRole('button', { name: 'Add phone' }).click()
  await dialog.getByText('Waiting for the phone to register').waitFor()
  const line = store.lines.list()[0]
  if (!line) throw new Error('no line was made')
  await dialog.getByText(line.username).waitFor()
  t.equal(await dialog.getByText(store.lines.password(line.id) ?? '').count(), 0, 'hidden until asked for')
  await dialog.getByRole('button', { name: 'Show password' }).click()
  await dialog.getByText(store.lines.password(line.id) ?? '').waitFor()
  await dialog.getByRole('button', { name: 'Copy password' }).click()
  t.equal(await page.evaluate('navigator.clipboard.readText()'), store.lines.password(line.id))
  const qrWidth = await page.evaluate(`document.querySelector('dialog img').naturalWidth`)
  t.ok(Number(qrWidth) > 20, `the QR code is drawn (${String(qrWidth)} wide)`)

  await registerPhone(box, line.username)
  await dialog.getByText('The phone is registered').waitFor()
  await dialog.getByRole('button', { name: 'Done' }).click()
  const phone = page.getByRole('listitem', { name: 'Reception' })
  await phone.getByText('Linphone/5.2 · tcp 192.168.10.23:5060').waitFor()

  await phone.getByRole('button', { name: 'Sign in somebody on Reception' }).click()
  await dialog.getByText('ABCD-EFGH').waitFor()
  await dialog.getByText('anna@lab.example').waitFor()
  const user = {
    id: 'anna-id',
    tenantId: 't',
    upn: 'anna@lab.example',
    displayName: 'Anna Albrecht',
    number: '+493055501001',
    licensed: true,
    lab: true,
    updatedAtMs: 1,
  }
  const signedIn = { lineId: line.id, userId: user.id, signedInAtMs: Date.now(), verifiedAtMs: Date.now() }
  store.signIns.save(signedIn, user, 'tokens')
  signIn.statuses.set(line.id, { state: 'signedIn', userId: user.id })
  signIn.emit('signedIn', { signIn: signedIn, user })
  await dialog.getByText('Anna Albrecht is signed in on Reception.').waitFor()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await phone.getByText('+493055501001').waitFor()

  await goTo('Live calls')
  await page.getByText('No calls right now').waitFor()
  const call = {
    id: 'c1',
    state: 'ringing' as const,
    startedAtMs: Date.now(),
    answeredAtMs: undefined,
    caller: { kind: 'line' as const, id: line.id, number: '+493055501001', displayName: 'Anna Albrecht' },
    dialled: '+493055502002',
    callees: [{ kind: 'trunk' as const, id: 'teams', number: '+493055502002', displayName: 'Lab echo' }],
  }
  pbx.start(call)
  const row = page.getByRole('row', { name: 'Lab echo' })
  await row.getByText('ringing').first().waitFor()
  pbx.emit('callChanged', { ...call, state: 'answered', answeredAtMs: Date.now() - 61_000 })
  await row.getByText('answered').waitFor()
  await row.getByText('1:02').waitFor()
  await row.getByRole('button', { name: 'Hang up the call from Anna Albrecht' }).click()
  await dialog.getByRole('button', { name: 'Hang up' }).click()
  await dialog.waitFor({ state: 'detached' })
  t.strictSame(pbx.hungUp, ['c1'])
  const ended = {
    id: 'c1',
    startedAtMs: call.startedAtMs,
    answeredAtMs: call.startedAtMs,
    endedAtMs: call.startedAtMs + 62_000,
    caller: call.caller,
    dialled: call.dialled,
    callee: call.callees[0],
    cause: 'completed',
    sipStatus: 200,
    explanation: 'The admin ended the call on the setup page.',
  }
  await store.callLog.add(ended)
  pbx.live.delete('c1')
  pbx.emit('callEnded', ended)
  await page.getByText('No calls right now').waitFor()

  await goTo('Call log')
  const logged = page.getByRole('row', { name: 'The admin ended the call' })
  await logged.getByText('Lab echo').waitFor()
  await logged.getByText('1:02').waitFor()

  await goTo('Status')
  await page.getByText('1 / 1').waitFor()
  t.equal(await page.getByRole('heading', { name: 'To the first call' }).count(), 0, 'all steps are done')
  t.strictSame(box.problems, [])
})

t.test('every page fits a phone held upright, in the dark as well', async (t) => {
  const box = await startWebBox(t, { width: 390, scheme: 'dark' })
  const { page, origin } = box
  await claimOnPage(box)
  for (const id of ['status', 'phones', 'people', 'live', 'log', 'settings']) {
    await page.goto(`${origin}/#/${id}`)
    await page.getByText('Reading from the box').waitFor({ state: 'detached' })
    await page.getByRole('heading', { level: 1 }).waitFor()
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, `${id} has no sideways scroll`)
    t.equal(await page.getByText('lab', { exact: true }).first().isVisible(), true, `${id} says lab`)
  }
  t.strictSame(box.problems, [])
})
