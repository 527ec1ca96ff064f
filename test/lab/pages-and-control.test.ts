import t from 'tap'
import { labPeople } from '#src/lab/people.ts'
import { labClientId, labTenantId } from '#src/lab/identity.ts'
import { json, startTestLab, type TestLab } from './lab-fixture.ts'

async function newCode(lab: TestLab): Promise<string> {
  const form = { client_id: labClientId, scope: 'User.Read' }
  return String(json(await lab.post(`/${labTenantId}/oauth2/v2.0/devicecode`, form)).user_code)
}

void t.test('the page says that it is the lab and offers everybody who can sign in', async (t) => {
  const lab = await startTestLab(t)
  const { status, text, headers } = await lab.get('/devicelogin?code=%3Cb%3E')
  t.equal(status, 200)
  t.match(text, /<strong>LAB<\/strong>/)
  t.match(headers['content-security-policy'], /default-src 'none'/)
  // With no-referrer a browser sends "Origin: null" with the form, and the lab would refuse its own page.
  t.equal(headers['referrer-policy'], 'same-origin')
  t.match(text, /<html lang="en">/)
  t.match(text, /<label for="code">/)
  t.match(text, 'value="&lt;b&gt;"', 'what was typed is escaped')
  for (const person of labPeople) {
    t.equal(text.includes(`value="${person.key}"`), person.canSignIn, person.key)
  }
  t.match((await lab.get('/')).text, /Lab greeter/)
  t.equal((await lab.get('/lab.css')).status, 200)
})

void t.test('mistakes on the page are explained and keep what was typed', async (t) => {
  const lab = await startTestLab(t)
  const code = await newCode(lab)
  const unknown = await lab.decide('WRONGCODE', 'approve', 'anna')
  t.equal(unknown.status, 400)
  t.match(unknown.text, /role="alert"[^]*not waiting/)
  const nobody = await lab.decide(code, 'approve')
  t.equal(nobody.status, 400)
  t.match(nobody.text, `value="${code}"`)
  t.equal((await lab.decide(code, 'approve', 'greeter')).status, 400, 'nobody signs in as a service')
  await lab.send('PUT', '/lab/accounts/carla', { enabled: false })
  t.match((await lab.decide(code, 'approve', 'carla')).text, /disabled/)
  t.equal((await lab.post('/devicelogin', { code })).status, 400, 'no verdict')
  const spaced = `${code.slice(0, 3)} ${code.slice(3, 6)}-${code.slice(6)}`
  t.equal((await lab.decide(spaced, 'approve', 'anna@lab.branchline.example')).status, 200)
  t.equal((await lab.decide(code, 'approve', 'anna')).status, 400, 'a code is decided about once')
})

void t.test('a page of somebody else cannot decide', async (t) => {
  const lab = await startTestLab(t)
  const code = await newCode(lab)
  const form = { code, verdict: 'approve', person: 'anna' }
  const { authorityHost } = lab.endpoints
  t.equal((await lab.post('/devicelogin', form, { origin: 'https://evil.example' })).status, 403)
  t.equal((await lab.post('/devicelogin', form, { origin: 'null' })).status, 403)
  t.equal((await lab.post('/devicelogin', form, { origin: authorityHost })).status, 200)
})

void t.test('the control API lists people and sets how their Teams answers', async (t) => {
  const lab = await startTestLab(t)
  const people = JSON.parse((await lab.get('/lab/people')).text) as Record<string, unknown>[]
  t.equal(people.length, 11)
  t.match(people[0], { key: 'anna', number: '+493055501001', behaviour: { answer: 'never' } })
  t.match(people[4], { key: 'otto', number: null, behaviour: null })
  const path = '/lab/people/+493055501001/behaviour'
  const tone = { answer: 'afterMs', afterMs: 100, audio: 'tone', toneHz: 440 }
  t.same(json(await lab.send('PUT', path, tone)), tone)
  t.match((await lab.get('/lab/people')).text, '"toneHz":440')
  t.equal((await lab.send('PUT', path, { answer: 'afterMs', afterMs: -1, audio: 'echo' })).status, 400)
  t.equal((await lab.send('PUT', path, { answer: 'perhaps' })).status, 400)
  t.equal((await lab.send('PUT', '/lab/people/+4930999/behaviour', { answer: 'never' })).status, 404)
  t.equal((await lab.send('PUT', '/lab/accounts/nobody', { enabled: true })).status, 404)
  const otto = json(await lab.send('PUT', '/lab/accounts/anna', { numberAssigned: false }))
  t.match(otto, { key: 'anna', number: null })
})

void t.test('calls toward the box need a box, and are listed', async (t) => {
  const lab = await startTestLab(t)
  const call = { from: '+493055502001', to: '+493055501001' }
  const early = await lab.send('POST', '/lab/calls', call)
  t.equal(early.status, 503)
  t.match(json(early), { code: 'LAB_FAILED', text: 'The box has not told its address.' })
  lab.setBox({ host: '127.0.0.1', tlsPort: 5061 })
  const placed = await lab.send('POST', '/lab/calls', call)
  t.equal(placed.status, 201)
  const { callId } = json(placed)
  t.match(callId, /127\.0\.0\.1:5061/)
  t.match((await lab.get('/lab/calls')).text, `"callId":"${String(callId)}"`)
  t.equal((await lab.send('DELETE', `/lab/calls/${encodeURIComponent(String(callId))}`)).status, 204)
  t.equal((await lab.send('DELETE', `/lab/calls/${encodeURIComponent(String(callId))}`)).status, 404)
  t.equal((await lab.send('POST', '/lab/calls', { ...call, from: '+4930999' })).status, 404)
  t.equal((await lab.send('POST', '/lab/calls', { ...call, to: 'sip:x@y' })).status, 400)
})

void t.test('broken requests get a status and change nothing', async (t) => {
  const lab = await startTestLab(t)
  t.equal((await lab.get('/nowhere')).status, 404)
  const huge = { code: 'x'.repeat(100_000), verdict: 'approve' }
  t.equal((await lab.post('/devicelogin', huge)).status, 413)
  t.notOk(lab.logger.lines.some((line) => line.level === 'error'))
})
