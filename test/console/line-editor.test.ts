import t from 'tap'
import { edit, newEditor, type EditorState, type Keyed } from '#src/console/line-editor.ts'

/** Types bytes into an editor, whole or one by one. */
function type(bytes: string | Buffer, options: { secret?: boolean; oneByOne?: boolean } = {}) {
  let state: EditorState = newEditor(options.secret ?? false)
  let echo = ''
  const keyed: Keyed[] = []
  const all = Buffer.from(bytes as string)
  const pieces = options.oneByOne ? [...all].map((byte) => Buffer.from([byte])) : [all]
  for (const piece of pieces) {
    let rest: Uint8Array = piece
    while (rest.length > 0) {
      const step = edit(state, rest)
      state = step.state
      echo += step.echo
      if (step.keyed) keyed.push(step.keyed)
      rest = rest.subarray(step.used)
    }
  }
  return { state, echo, keyed }
}

const line = (text: string): Keyed => ({ kind: 'line', text })

t.test('CR, LF and CR LF end a line, in one piece or byte by byte', async (t) => {
  for (const oneByOne of [false, true]) {
    t.strictSame(type('one\rtwo\nthree\r\nfour\r\n\r\n', { oneByOne }).keyed, [
      ...['one', 'two', 'three', 'four', ''].map(line),
    ])
    t.strictSame(type('\n\n\r\r', { oneByOne }).keyed.length, 4)
  }
})

t.test('what is typed is echoed, and erased with backspace, delete, Ctrl-U and Ctrl-W', async (t) => {
  t.equal(type('ab\bc\x7f').echo, 'ab\b \bc\b \b')
  t.strictSame(type('ab\bc\r').keyed, [line('ac')])
  t.strictSame(type('\b\b\x7fx\r').keyed, [line('x')])
  t.strictSame(type('wrong\x15right\r').keyed, [line('right')])
  t.strictSame(type('wrong\x17right\r').keyed, [line('right')])
})

t.test('Ctrl-C and Ctrl-L mean something at once and drop the line', async (t) => {
  t.strictSame(type('7\x03x\r').keyed, [{ kind: 'cancel' }, line('x')])
  t.strictSame(type('7\x0c\x12\r').keyed, [{ kind: 'redraw' }, { kind: 'redraw' }, line('')])
})

t.test('cursor keys, function keys, breaks and XON/XOFF leave no trace', async (t) => {
  const keys = [
    '\x1b[A',
    '\x1b[1;5C',
    '\x1bOP',
    '\x1b[15~',
    '\x1bx',
    '\x1b[?25h',
    '\0',
    '\x11',
    '\x13',
    '\t',
    '\x04',
  ]
  for (const key of keys) {
    for (const oneByOne of [false, true])
      t.strictSame(type(`a${key}b\r`, { oneByOne }).keyed, [line('ab')], JSON.stringify(key))
  }
})

t.test('a secret is shown as stars and may hold any sign', async (t) => {
  const { echo, keyed } = type('pässwört€😀\bx\r', { secret: true })
  t.equal(echo, '**********\b \b*\r\n')
  t.strictSame(keyed, [line('pässwört€x')])
})

t.test('a byte that no person types makes the line noisy: nothing counts until it is quiet', async (t) => {
  for (const byte of [0x80, 0xff, 0x01, 0x1f, 0xe4]) {
    const { state, keyed } = type(
      Buffer.concat([Buffer.from('7'), Buffer.from([byte]), Buffer.from('\rreset\r')]),
    )
    t.strictSame(keyed, [], String(byte))
    t.equal(state.noisy, true)
    t.strictSame(state.typed, [])
  }
})

t.test('a line that nobody can mean is refused and forgotten', async (t) => {
  const { keyed, state } = type(`${'x'.repeat(100_000)}\r`)
  t.strictSame(keyed, [{ kind: 'tooLong' }])
  t.strictSame(state.typed, [])
  t.equal(type(`${'x'.repeat(200)}\r`).keyed[0]?.kind, 'line')
  t.ok(type('x'.repeat(100_000)).state.typed.length <= 200)
  t.ok(type('é'.repeat(100_000), { secret: true }).state.typed.length <= 800)
})

t.test('random bytes never break it, whatever the pieces', async (t) => {
  let seed = 42
  const next = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648)
  for (let run = 0; run < 300; run++) {
    const bytes = Buffer.from(
      Array.from({ length: next() % 300 }, () => (next() >> 8) % (run % 2 ? 256 : 128)),
    )
    const whole = type(bytes)
    const pieces = type(bytes, { oneByOne: true })
    t.strictSame(pieces.keyed, whole.keyed)
    t.equal(pieces.echo, whole.echo)
  }
})
