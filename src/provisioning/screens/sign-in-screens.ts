import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { RenderedFile } from '#src/devices/render.ts'
import { screenFiles } from '#src/devices/screens/screen-files.ts'
import { formattedScreen, textScreen, type ScreenKey } from '#src/devices/screens/yealink-xml.ts'
import type { Line } from '#src/model/line.ts'
import type { ScreenRequest } from '../file-server.ts'
import type { ProvisioningStore, ScreenSignIn } from '../ports.ts'
import { screenWords, type ScreenWords } from './words.ts'

/** How often a page with a countdown fetches itself. */
const refreshS = 5
/** What a key does to a page that it opens again. */
const step = 'step'

type Pending = Extract<ReturnType<ScreenSignIn['status']>, { state: 'awaitingUser' }>

/** The pages behind a phone's Sign-in and Sign-out keys. Each is one state of the line, read anew at each fetch. */
export class SignInScreens {
  readonly #store: ProvisioningStore
  readonly #signIn: ScreenSignIn
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(needs: { store: ProvisioningStore; signIn: ScreenSignIn; clock: Clock; logger: Logger }) {
    this.#store = needs.store
    this.#signIn = needs.signIn
    this.#clock = needs.clock
    this.#logger = needs.logger
  }

  /** The page of this name; undefined when there is none, or the device has no line of its own. */
  async render(name: string, request: ScreenRequest): Promise<RenderedFile | undefined> {
    const line = this.#lineOf(request)
    if (!line) return undefined
    const page = new Page(request)
    const wanted = new URLSearchParams(request.query).get(step) ?? ''
    if (name === screenFiles.signIn) return this.#signInPage(page, line, wanted)
    if (name === screenFiles.signOut) return this.#signOutPage(page, line, wanted)
    return undefined
  }

  #lineOf({ device }: ScreenRequest): Line | undefined {
    return device.kind === 'dect-server' ? undefined : this.#store.lines.listByDevice(device.id)[0]
  }

  async #signInPage(page: Page, line: Line, wanted: string): Promise<RenderedFile> {
    const { words } = page
    const person = this.#personOn(line)
    if (person !== undefined) return page.signedIn(person)
    if (wanted === 'cancel') {
      this.#signIn.cancel(line.id)
      return page.message(words.failedTitle, words.cancelled, [page.key(words.tryAgain, screenFiles.signIn)])
    }
    // Looking again must not start anew: a refusal would be gone before anybody has read it.
    if (wanted !== 'look') {
      const refusal = await this.#begin(line)
      if (refusal !== undefined) return page.refused(refusal)
    }
    return this.#statePage(page, line)
  }

  async #begin(line: Line): Promise<string | undefined> {
    try {
      await this.#signIn.begin(line.id, `phone:${line.username}`)
      return undefined
    } catch (error) {
      this.#logger.warn({ lineId: line.id, reason: errorText(error) }, 'a sign-in could not be started')
      const advice = error instanceof ApplianceError ? error.advice : undefined
      return advice === undefined ? errorText(error) : `${errorText(error)} ${advice}`
    }
  }

  #statePage(page: Page, line: Line): RenderedFile {
    const status = this.#signIn.status(line.id)
    const person = this.#personOn(line)
    if (person !== undefined) return page.signedIn(person)
    if (status?.state === 'failed') return page.refused(status.text)
    const leftMs = status?.state === 'awaitingUser' ? status.expiresAtMs - this.#clock.nowMs() : 0
    if (status?.state === 'awaitingUser' && leftMs > 0) return page.code(status, leftMs)
    const { words } = page
    return page.message(words.failedTitle, words.codeOver, [page.key(words.newCode, screenFiles.signIn)])
  }

  async #signOutPage(page: Page, line: Line, wanted: string): Promise<RenderedFile> {
    const { words } = page
    const person = this.#personOn(line)
    if (person === undefined) {
      return page.message(words.signOut, words.nobody, [page.key(words.signIn, screenFiles.signIn)])
    }
    if (wanted !== 'yes') {
      const yes = page.key(words.signOut, screenFiles.signOut, 'yes')
      return page.message(words.signOut, words.askSignOut(person), [yes])
    }
    await this.#signIn.signOut(line.id, `phone:${line.username}`)
    return page.message(words.signOut, words.signedOut, [])
  }

  #personOn(line: Line): string | undefined {
    const signIn = this.#store.signIns.forLine(line.id)
    return signIn && (this.#store.users.find(signIn.userId)?.displayName ?? signIn.userId)
  }
}

/** Makes the pages of one request: in its language, with addresses under its device's own folder. */
class Page {
  readonly words: ScreenWords
  readonly #pageUrl: string

  constructor({ view }: ScreenRequest) {
    this.words = screenWords(view.site.language)
    this.#pageUrl = view.pageUrl
  }

  key(label: string, name: string, next?: string): ScreenKey {
    return { label, uri: this.#url(name, next) }
  }

  code(pending: Pending, leftMs: number): RenderedFile {
    const { words } = this
    const leftS = Math.ceil(leftMs / 1000)
    return formattedScreen(
      [
        { text: words.openPage, size: 'small' },
        { text: pending.verificationUri },
        { text: words.enterCode, size: 'small' },
        { text: pending.userCode, size: 'large', align: 'center' },
        { text: words.timeLeft(Math.floor(leftS / 60), leftS % 60), size: 'small' },
      ],
      {
        keys: [this.key(words.cancel, screenFiles.signIn, 'cancel'), this.#exit()],
        refresh: { afterS: refreshS, url: this.#url(screenFiles.signIn, 'look') },
      },
    )
  }

  signedIn(name: string): RenderedFile {
    const { words } = this
    return this.message(words.signedInTitle, words.signedInAs(name), [
      this.key(words.signOut, screenFiles.signOut),
    ])
  }

  refused(text: string): RenderedFile {
    const { words } = this
    return this.message(words.failedTitle, text, [this.key(words.tryAgain, screenFiles.signIn)])
  }

  message(title: string, text: string, keys: readonly ScreenKey[]): RenderedFile {
    return textScreen({ title, text }, { keys: [...keys, this.#exit()], timeoutS: 60 })
  }

  #exit(): ScreenKey {
    return { label: this.words.exit, uri: 'SoftKey:Exit' }
  }

  #url(name: string, next?: string): string {
    return `${this.#pageUrl}${name}${next === undefined ? '' : `?${step}=${next}`}`
  }
}
