import { ask, type Reply } from '#test/support/https.ts'
import { adminPassword, type BoxPorts, type Health } from '#test/support/box.ts'

interface RequestOptions {
  method?: string
  body?: unknown
  headers?: Record<string, string>
}

/** The box inside a virtual machine, as a browser on this machine sees it through forwarded ports. */
export class VirtualBox {
  readonly ports: BoxPorts = { udp: 5060, tcp: 5060, tls: 5061, https: 443, http: 80 }
  /** The box's own certificate authority, fetched over HTTP as a phone does. */
  caPem: string | undefined
  #cookie: string | undefined

  ask(path: string, options: RequestOptions = {}): Promise<Reply> {
    // Without the port, which is https's own: so says a browser.
    const origin = 'https://127.0.0.1'
    return ask(`${origin}${path}`, {
      ...options,
      headers: {
        origin,
        ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
        ...options.headers,
      },
      caPem: this.caPem ?? false,
    })
  }

  /** Like `ask`, but throws what the box said when the status is not 2xx. */
  async json<T>(path: string, options: RequestOptions = {}): Promise<T> {
    const reply = await this.ask(path, options)
    if (reply.status < 200 || reply.status > 299) throw new Error(`${path}: ${reply.status} ${reply.text}`)
    return reply.text === '' ? (undefined as T) : reply.json<T>()
  }

  /** Changes settings as the page does, with the version that it has seen. */
  async changeSettings(body: Record<string, unknown>): Promise<void> {
    const { etag } = await this.json<{ etag: string }>('/api/settings')
    await this.json('/api/settings', { method: 'PATCH', body, headers: { 'if-match': etag } })
  }

  /** Waits until health is as wanted, asking twice a second; a machine that boots answers nothing for long. */
  async waitForHealth(wanted: (health: Health) => boolean, limitMs: number): Promise<Health> {
    const endMs = performance.now() + limitMs
    let last = 'no answer'
    for (;;) {
      try {
        const health = await within(10_000, this.json<Health>('/api/health'))
        if (wanted(health)) return health
        last = JSON.stringify(health)
      } catch (error) {
        last = error instanceof Error ? error.message : String(error)
      }
      if (performance.now() > endMs) throw new Error(`the box is not ready within ${limitMs} ms: ${last}`)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }

  /** Takes the box's own root over HTTP; every request after that checks the box's certificate by it. */
  async learnRoot(): Promise<void> {
    this.caPem = (await ask(`http://127.0.0.1:${this.ports.http}/ca.pem`)).text
  }

  async isClaimed(): Promise<boolean> {
    return (await this.json<{ claimed: boolean }>('/api/session')).claimed
  }

  async claim(code: string): Promise<void> {
    this.#keepCookie(await this.ask('/api/claim', { body: { code, password: adminPassword } }))
  }

  async logIn(): Promise<void> {
    this.#keepCookie(await this.ask('/api/login', { body: { password: adminPassword } }))
  }

  #keepCookie(reply: Reply): void {
    if (reply.status >= 300) throw new Error(`cannot log in: ${reply.status} ${reply.text}`)
    const cookies = ([] as string[]).concat(reply.headers['set-cookie'] ?? [])
    this.#cookie = cookies.map((cookie) => cookie.split(';')[0]).join('; ')
  }
}

function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
