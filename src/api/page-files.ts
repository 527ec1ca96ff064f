import fastifyStatic from '@fastify/static'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Api } from './fastify-types.ts'

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Branchline</title>
<h1>The setup page is not built</h1>
<p>The box runs, and its API answers under <a href="/api/health">/api/health</a>.
To get the page, run <code>npm run build:web</code> and restart.</p></html>
`

/** Serves the built page from `webRoot`; without it, `/` says how to get it. */
export async function registerPage(api: Api, webRoot: string): Promise<void> {
  if (!existsSync(join(webRoot, 'index.html'))) {
    api.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply.status(503).type('text/html; charset=utf-8').send(notBuilt),
    )
    return
  }
  await api.register(fastifyStatic, {
    root: webRoot,
    wildcard: false,
    schemaHide: true,
    cacheControl: false,
    setHeaders: (reply, path) => {
      // Built files carry a hash of their content in their name; only the entry page is asked for anew.
      const forever = /\.[0-9A-Za-z]{8}\.\w+$/.test(path)
      void reply.header('cache-control', forever ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
}
