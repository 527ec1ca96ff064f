import type { CDPSession, Page } from 'playwright-core'

const maxTabs = 120

/** What has the focus, as the browser tells it to a screen reader. */
export interface Focused {
  name: string
  role: string
}

/** A person without a mouse: Tab, typing, Enter and Space, nothing else. */
export class KeyboardPerson {
  readonly page: Page
  #session: CDPSession | undefined

  constructor(page: Page) {
    this.page = page
  }

  /** What has the focus now; asked of the browser's accessibility tree, not of our markup. */
  async focused(): Promise<Focused> {
    this.#session ??= await this.page.context().newCDPSession(this.page)
    const { result } = await this.#session.send('Runtime.evaluate', { expression: 'document.activeElement' })
    if (result.objectId === undefined) return { name: '', role: '' }
    const { nodes } = await this.#session.send('Accessibility.getPartialAXTree', {
      objectId: result.objectId,
      fetchRelatives: false,
    })
    await this.#session.send('Runtime.releaseObject', { objectId: result.objectId })
    const [node] = nodes
    return { name: String(node?.name?.value ?? ''), role: String(node?.role?.value ?? '') }
  }

  /** Presses Tab until what bears this name has the focus; throws with the way that it went when nothing does. */
  async tabTo(name: string | RegExp, options: { back?: boolean } = {}): Promise<void> {
    const passed: string[] = []
    for (let presses = 0; presses <= maxTabs; presses++) {
      const now = await this.focused()
      if (typeof name === 'string' ? now.name === name : name.test(now.name)) {
        await this.#mustBeSeen(now.name)
        return
      }
      passed.push(`${now.role} “${now.name}”`)
      await this.page.keyboard.press(options.back ? 'Shift+Tab' : 'Tab')
    }
    throw new Error(`${String(name)} is not reached by Tab; passed: ${passed.slice(0, 60).join(', ')}`)
  }

  /** Tabs to a button or link and presses Enter. */
  async press(name: string | RegExp): Promise<void> {
    await this.tabTo(name)
    await this.page.keyboard.press('Enter')
  }

  /** Tabs to a field, empties it and types; a choice list takes what is typed as its search. */
  async type(name: string | RegExp, text: string): Promise<void> {
    await this.tabTo(name)
    if ((await this.focused()).role !== 'combobox') await this.page.keyboard.press('Control+A')
    if (text === '') await this.page.keyboard.press('Delete')
    else await this.page.keyboard.type(text)
  }

  /** A focus that nobody sees is none: it must have an outline, stand inside the window, and behind nothing. */
  async #mustBeSeen(name: string): Promise<void> {
    const seen = await this.page.evaluate(`(() => {
      const one = document.activeElement
      const box = one.getBoundingClientRect()
      const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
      const top = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height, 40) / 2)
      const covered = top !== null && top !== one && !one.contains(top) && !top.contains(one)
      return { outline: getComputedStyle(one).outlineStyle, inside, covered }
    })()`)
    const { outline, inside, covered } = seen as { outline: string; inside: boolean; covered: boolean }
    if (outline === 'none' || !inside || covered) {
      const how = `outline ${outline}, in the window: ${inside}, covered: ${covered}`
      throw new Error(`the focus on ${name} cannot be seen: ${how}`)
    }
  }
}
