import { ask } from './https.ts'
import type { Box } from './box.ts'

/** What the lab counted of one call. */
export interface LabCall {
  callId: string
  direction: 'fromBox' | 'toBox'
  from: string
  to: string
  state: string
  sipStatus?: number
  reason?: string
  media: {
    receivedPackets: number
    sentPackets: number
    lostPackets: number
    allSrtp: boolean
    heardToneHz?: number
    heardToneDb?: number
  }
}

/** People of the lab by what they do (src/lab/people.ts). */
export const labNumbers = {
  anna: '+493055501001',
  ben: '+493055501002',
  carla: '+493055501003',
  nora: '+493055501004',
  greeter: '+493055502001',
  echo: '+493055502002',
  callback: '+493055502003',
  busy: '+493055502004',
  neverAnswers: '+493055502005',
} as const

/** The lab tenant as a person with a browser, or a test, sees it. */
export class Lab {
  readonly #url: string

  private constructor(url: string) {
    this.#url = url
  }

  /** Finds the lab of a running box. */
  static async of(box: Pick<Box, 'json'>): Promise<Lab> {
    const health = await box.json<{ parts: { name: string; detail: string }[] }>('/api/health')
    const detail = health.parts.find(({ name }) => name === 'tenant')?.detail ?? ''
    const url = /https:\/\/[^\s/]+/.exec(detail)?.[0]
    if (url === undefined) throw new Error(`the box does not say where its lab is: ${detail}`)
    return new Lab(url)
  }

  /** Enters a sign-in code as this person, as the device-login page does. */
  async approve(userCode: string, key: string): Promise<void> {
    const page = await this.#ask('/devicelogin', { code: userCode, person: key, verdict: 'approve' })
    if (page.status >= 400) throw new Error(`the lab refused the code: ${page.status} ${page.text}`)
  }

  async setBehaviour(number: string, behaviour: object): Promise<void> {
    await this.#json('PUT', `/lab/people/${encodeURIComponent(number)}/behaviour`, behaviour)
  }

  placeCall(from: string, to: string): Promise<{ callId: string }> {
    return this.#json('POST', '/lab/calls', { from, to })
  }

  hangUp(callId: string): Promise<unknown> {
    return this.#json('DELETE', `/lab/calls/${encodeURIComponent(callId)}`)
  }

  calls(): Promise<LabCall[]> {
    return this.#json('GET', '/lab/calls')
  }

  async #json<T>(method: string, path: string, body?: object): Promise<T> {
    const reply = await ask(`${this.#url}${path}`, { method, body, caPem: false })
    if (reply.status >= 300) throw new Error(`lab ${path}: ${reply.status} ${reply.text}`)
    return reply.text === '' ? (undefined as T) : reply.json<T>()
  }

  #ask(path: string, form: Record<string, string>) {
    return ask(`${this.#url}${path}`, { body: form, form: true, caPem: false })
  }
}
