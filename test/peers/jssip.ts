import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { openPage, startChromium } from './chromium.ts'

interface Teardown {
  teardown(release: () => Promise<void> | void): void
}

/** What the page offers, as the test calls it through `page.evaluate`. */
export interface BrowserPhones {
  register(name: string, url: string, domain: string, password: string): Promise<number>
  message(name: string, to: string, text: string): Promise<number>
  call(from: string, to: string, uri: string): Promise<{ media: string; cause: string }>
  incoming(name: string): string[]
  stop(name: string): void
}

/** Opens Chromium with JsSIP on a page of loopback: a SIP stack and a WebSocket stack that are both not ours. */
export async function openBrowserPhones(t: Teardown): Promise<Page> {
  const bundle = await build({
    entryPoints: [new URL('jssip-page.js', import.meta.url).pathname],
    bundle: true,
    format: 'iife',
    write: false,
    logLevel: 'silent',
  })
  const script = bundle.outputFiles[0]?.text ?? ''
  // Only a page of http://127.0.0.1 may use a microphone; about:blank may not.
  const server = createServer((request, response) => {
    const isScript = request.url === '/phones.js'
    response.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html' })
    response.end(isScript ? script : '<!doctype html><title>phones</title><script src="/phones.js"></script>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const browser = await startChromium([
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
    '--ignore-certificate-errors',
  ])
  t.teardown(async () => {
    await browser.close()
    server.closeAllConnections()
    server.close()
  })
  const page = await openPage(browser)
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  return page
}
