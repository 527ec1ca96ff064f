import t from 'tap'
import { SystemNames } from '#src/engine/dns/system-names.ts'

void t.test('names that hang leave threads to the rest; each comes in its turn', async (t) => {
  const open = new Map<string, (error?: Error) => void>()
  const asked: string[] = []
  const names = new SystemNames((name) => {
    asked.push(name)
    return new Promise((resolve, reject) =>
      open.set(name, (error) => (error ? reject(error) : resolve([{ address: '192.0.2.1' }]))),
    )
  })
  const answers = ['a', 'b', 'c', 'd', 'a'].map((name) => names.addresses(`${name}.local`))
  t.same(asked, ['a.local', 'b.local'], 'two at once, and equal questions once')
  open.get('b.local')?.(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
  t.same(await answers[1], [])
  t.same(asked.slice(2), ['c.local'])
  open.get('a.local')?.(Object.assign(new Error('later'), { code: 'EAI_AGAIN' }))
  await t.rejects(Promise.all([answers[0], answers[4]]), { code: 'EAI_AGAIN' })
  open.get('c.local')?.()
  t.same(await answers[2], ['192.0.2.1'])
  open.get('d.local')?.()
  t.same(await answers[3], ['192.0.2.1'])

  const many = Array.from({ length: 300 }, (_, index) => names.addresses(`${index}.local`))
  await t.rejects(many[299] as Promise<string[]>, { code: 'EBUSY' })
  const ended = Promise.allSettled(many)
  for (let index = 0; index < 256; index++) {
    open.get(`${index}.local`)?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal((await ended).filter(({ status }) => status === 'fulfilled').length, 256, 'no place was lost')
})
