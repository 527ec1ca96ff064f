/** What a person did at the terminal. */
export type Keyed =
  | { kind: 'line'; text: string }
  /** Ctrl-C: back to the menu. */
  | { kind: 'cancel' }
  /** Ctrl-L or Ctrl-R: the screen once more. */
  | { kind: 'redraw' }
  /** A line longer than anything that is ever asked for. */
  | { kind: 'tooLong' }

export interface EditorState {
  /** Bytes of the line so far. */
  readonly typed: readonly number[]
  /** Shows stars, and takes bytes beyond ASCII. */
  readonly secret: boolean
  readonly escape: 'none' | 'escape' | 'sequence' | 'single'
  /** The last byte was CR: a LF that follows belongs to it. */
  readonly afterCr: boolean
  readonly overflow: boolean
  /** Something came that no person types: everything is dropped until the line is quiet for a while. */
  readonly noisy: boolean
}

/** Bytes of a line; a password has at most 200 characters of up to four bytes. */
const maxTyped = 200
const maxTypedSecret = 800

const key = {
  break: 0x00,
  ctrlC: 0x03,
  backspace: 0x08,
  lineFeed: 0x0a,
  ctrlL: 0x0c,
  carriageReturn: 0x0d,
  ctrlR: 0x12,
  ctrlU: 0x15,
  ctrlW: 0x17,
  escape: 0x1b,
  delete: 0x7f,
} as const

// A break condition arrives as NUL; XON and XOFF from a terminal that uses them; tab and Ctrl-D without a meaning.
const ignored = new Set<number>([key.break, 0x04, 0x09, 0x11, 0x13])

/** An empty line. */
export function newEditor(secret: boolean): EditorState {
  return { typed: [], secret, escape: 'none', afterCr: false, overflow: false, noisy: false }
}

/**
 * Takes bytes from the terminal one by one: what to echo, what the person did, and how many bytes were used. Stops
 * after each thing done, because the next bytes may belong to another prompt.
 */
export function edit(
  state: EditorState,
  bytes: Uint8Array,
): { state: EditorState; echo: string; keyed: Keyed | undefined; used: number } {
  let { escape, afterCr, overflow } = state
  const typed = [...state.typed]
  let echo = ''
  const now = (used: number, keyed: Keyed | undefined, changes: Partial<EditorState> = {}) => ({
    state: { typed, secret: state.secret, escape, afterCr, overflow, noisy: false, ...changes },
    echo,
    keyed,
    used,
  })
  if (state.noisy) return { state, echo, keyed: undefined, used: bytes.length }
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    const wasCr = afterCr
    afterCr = byte === key.carriageReturn
    if (escape !== 'none') {
      escape = nextEscape(escape, byte)
      continue
    }
    if (byte === key.lineFeed && wasCr) continue
    if (byte === key.carriageReturn || byte === key.lineFeed) {
      echo += '\r\n'
      const keyed: Keyed = overflow ? { kind: 'tooLong' } : { kind: 'line', text: textOf(typed) }
      return now(at + 1, keyed, { typed: [], overflow: false })
    }
    if (byte === key.ctrlC) return now(at + 1, { kind: 'cancel' }, { typed: [], overflow: false })
    if (byte === key.ctrlL || byte === key.ctrlR)
      return now(at + 1, { kind: 'redraw' }, { typed: [], overflow: false })
    if (byte === key.escape) escape = 'escape'
    else if (byte === key.backspace || byte === key.delete) {
      const erased = eraseOne(typed)
      if (erased) echo += '\b \b'
    } else if (byte === key.ctrlU || byte === key.ctrlW) {
      while (eraseOne(typed)) echo += '\b \b'
      overflow = false
    } else if (isTypeable(byte, state.secret)) {
      if (typed.length >= (state.secret ? maxTypedSecret : maxTyped)) overflow = true
      else {
        typed.push(byte)
        if (!isContinuation(byte)) echo += state.secret ? '*' : String.fromCharCode(byte)
      }
    } else if (!ignored.has(byte)) {
      return now(bytes.length, undefined, { typed: [], overflow: false, escape: 'none', noisy: true })
    }
  }
  return now(bytes.length, undefined)
}

/** Sequences of cursor and function keys (ECMA-48 5.4: CSI, parameters, one final byte; SS3 and one byte) mean nothing here. */
function nextEscape(escape: EditorState['escape'], byte: number): EditorState['escape'] {
  if (escape === 'escape') return byte === 0x5b ? 'sequence' : byte === 0x4f ? 'single' : 'none'
  return escape === 'sequence' && byte >= 0x20 && byte <= 0x3f ? 'sequence' : 'none'
}

function isTypeable(byte: number, secret: boolean): boolean {
  return (byte >= 0x20 && byte < 0x7f) || (secret && byte >= 0x80)
}

/** The second and later bytes of a UTF-8 sign. */
function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

/** Takes the last sign away, all of its bytes; false when there was none. */
function eraseOne(typed: number[]): boolean {
  let byte = typed.pop()
  if (byte === undefined) return false
  while (byte !== undefined && isContinuation(byte)) byte = typed.pop()
  return true
}

function textOf(typed: readonly number[]): string {
  return Buffer.from(typed).toString('utf8')
}
