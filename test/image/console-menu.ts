import type { SerialLine } from './serial-line.ts'

/** A serial line at 115,200 baud is quick; the machine behind it is not. */
const answerLimitMs = 60_000

/** Opens the maintenance menu, whatever stands on the console: presses Enter until it is there, as a person does. */
export async function openMenu(line: SerialLine): Promise<string> {
  const mark = line.mark()
  const endMs = performance.now() + answerLimitMs
  for (;;) {
    line.send('\r')
    const asked = await line.waitFor(/Number and Enter: $/, 5000, mark).catch((error: unknown) => {
      // A port that is only just being opened loses what came before.
      if (performance.now() > endMs) throw error
      return undefined
    })
    if (asked) return line.text.slice(mark)
  }
}

/** The claim code of a box that nobody owns. */
export async function readClaimCode(line: SerialLine): Promise<string> {
  const mark = line.mark()
  line.send('2\r')
  const match = await line.waitFor(/Claim code +(\d{4}-\d{4})[\s\S]*Number and Enter: /, answerLimitMs, mark)
  return match[1] as string
}

/** Erases the box as a person at the console does: the entry, the password when it is asked for, the words twice. */
export async function factoryReset(line: SerialLine, password: string): Promise<void> {
  await openMenu(line)
  let mark = line.mark()
  line.send('7\r')
  for (;;) {
    const asked = await line.waitFor(
      /Admin password: |Type factory reset[^\n]*: |Everything is being erased/,
      answerLimitMs,
      mark,
    )
    mark = line.mark()
    if (asked[0].startsWith('Every')) return
    if (asked[0].startsWith('Admin')) line.send(`${password}\r`)
    else line.send('factory reset\r')
  }
}
