import t from 'tap'
import { errorTable } from '#src/base/errors.ts'
import { startTestApi } from './api-fixture.ts'

interface Operation {
  summary?: string
  tags?: string[]
  responses: Record<
    string,
    { description?: string; content?: Record<string, { schema: { required?: string[] } }> }
  >
}

t.test('every route is documented: what it does and how it refuses', async (t) => {
  const api = await startTestApi(t)
  const document = (await api.ask('GET', '/api/openapi.json')).json<{
    openapi: string
    paths: Record<string, Record<string, Operation>>
  }>()
  t.match(document.openapi, /^3\./)
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  )
  for (const { name, operation } of operations) {
    t.match(operation.summary, /^[A-Z].{10,}[^.]$/, `${name} has a summary`)
    t.equal(operation.tags?.length, 1, `${name} stands under one heading`)
    t.ok(
      Object.keys(operation.responses).some((status) => /^20\d$/.test(status)),
      `${name} says its answer`,
    )
    for (const range of ['4XX', '5XX']) {
      const error = operation.responses[range]
      t.strictSame(
        error?.content?.['application/json']?.schema.required,
        ['code', 'text'],
        `${name} ${range}`,
      )
      for (const code of error?.description?.split(', ') ?? ['none']) t.ok(code in errorTable, code)
    }
  }
  t.ok(operations.length >= 27, `${operations.length} operations`)
})
