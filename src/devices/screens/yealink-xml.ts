import { XMLBuilder } from 'fast-xml-parser'
import { ApplianceError } from '#src/base/errors.ts'
import { plainText } from '../render/cfg-text.ts'
import type { RenderedFile } from '../render/family-renderer.ts'

/** A soft key below a screen; `uri` is a page, or a word of the phone such as `SoftKey:Exit` or `Dial:*50*`. */
export interface ScreenKey {
  label: string
  uri: string
}

/** What every screen may have. */
export interface ScreenOptions {
  /** Left to right, at most four; empty leaves the phone's own. */
  keys?: readonly ScreenKey[]
  /** Shown for so long, seconds; 0 until the person leaves it. */
  timeoutS?: number
  /** The page is fetched again after so many seconds: how a countdown runs. */
  refresh?: { afterS: number; url: string }
  beep?: boolean
  /** Page shown when the person leaves. */
  cancelUrl?: string
}

/** A line of a formatted screen. */
export interface ScreenLine {
  text: string
  size?: 'small' | 'normal' | 'large'
  align?: 'left' | 'center' | 'right'
}

/** A field of an input screen; what is typed comes back as a parameter of the query. */
export interface ScreenField {
  type: 'number' | 'string'
  prompt: string
  parameter: string
  secret?: boolean
}

type Node = Record<string, unknown>

/** Longest text in one element: beyond it phones cut, or refuse the page. */
const longest = 480

const builder = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#',
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
})

/** XML 1.0 has no way to write control characters or these two, escaped or not (XML 1.0, 2.2). */
function text(value: string): string {
  return plainText(value, longest)
    .toWellFormed()
    .replace(/[\ufffe\uffff]/g, '')
}

function address(value: string): string {
  if (value !== text(value) || value === '') {
    throw new ApplianceError('INTERNAL', {}, { text: 'An address on a screen cannot be written as XML.' })
  }
  return value
}

const yesNo = (value: boolean | undefined): string => (value ? 'yes' : 'no')

function frame(options: ScreenOptions): Node {
  return {
    '@Beep': yesNo(options.beep),
    '@Timeout': String(options.timeoutS ?? 0),
    '@LockIn': 'no',
    '@destroyOnExit': 'yes',
    ...(options.cancelUrl === undefined ? {} : { '@cancelAction': address(options.cancelUrl) }),
  }
}

function softKeys(options: ScreenOptions): Node {
  const keys = (options.keys ?? []).slice(0, 4).map(({ label, uri }, index) => ({
    '@index': String(index + 1),
    Label: text(label),
    URI: address(uri),
  }))
  return keys.length === 0 ? {} : { SoftKey: keys }
}

/**
 * Not documented for Yealink (U): how a screen fetches itself again. The dialect comes from Aastra's, where this
 * header of the HTTP answer does it; a phone that ignores it shows the screen until a key is pressed.
 */
function refreshHeader({ refresh }: ScreenOptions): Readonly<Record<string, string>> {
  if (!refresh) return {}
  return { refresh: `${Math.max(1, Math.round(refresh.afterS))}; URL=${address(refresh.url)}` }
}

function page(root: string, options: ScreenOptions, content: Node): RenderedFile {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build({ [root]: content })}\n`
  // Yealink takes no object of more than 10,000 bytes.
  if (Buffer.byteLength(body) > 10_000) {
    throw new ApplianceError('INTERNAL', { root }, { text: 'A screen is too large for the phone.' })
  }
  return {
    contentType: 'text/xml; charset=utf-8',
    body,
    kind: 'screen',
    headers: { ...refreshHeader(options), 'cache-control': 'no-store' },
  }
}

/** A title above a text that wraps. */
export function textScreen(
  content: { title: string; text: string },
  options: ScreenOptions = {},
): RenderedFile {
  return page('YealinkIPPhoneTextScreen', options, {
    ...frame(options),
    Title: { '@wrap': 'yes', '#': text(content.title) },
    Text: text(content.text),
    ...softKeys(options),
  })
}

/** Lines in three sizes, for what must be read from afar: a code, an address. */
export function formattedScreen(lines: readonly ScreenLine[], options: ScreenOptions = {}): RenderedFile {
  return page('YealinkIPPhoneFormattedTextScreen', options, {
    ...frame(options),
    Line: lines.slice(0, 20).map((line) => ({
      '@Size': line.size ?? 'normal',
      '@Align': line.align ?? 'left',
      '#': text(line.text),
    })),
    ...softKeys(options),
  })
}

/** Fields to fill in; what is typed comes back as parameters of `url`'s query. */
export function inputScreen(
  content: { title: string; url: string; fields: readonly ScreenField[] },
  options: ScreenOptions = {},
): RenderedFile {
  return page('YealinkIPPhoneInputScreen', options, {
    ...frame(options),
    Title: { '@wrap': 'yes', '#': text(content.title) },
    URL: address(content.url),
    InputField: content.fields.map((field) => ({
      '@type': field.type,
      '@password': yesNo(field.secret),
      '@editable': 'yes',
      Prompt: text(field.prompt),
      Parameter: address(field.parameter),
      Default: '',
    })),
    ...softKeys(options),
  })
}

/** A message on the idle screen; the same session replaces an earlier one, an empty text takes it away. */
export function statusMessage(
  content: { session: string; text: string },
  options: Pick<ScreenOptions, 'beep' | 'timeoutS'> = {},
): RenderedFile {
  return page(
    'YealinkIPPhoneStatus',
    {},
    {
      '@Beep': yesNo(options.beep),
      '@SessionID': address(content.session),
      '@Timeout': String(options.timeoutS ?? 0),
      Message: { '@Size': 'normal', '@Align': 'left', '#': text(content.text) },
    },
  )
}

/** Things that the phone shall do, in order: open a page, dial (`Dial:*50*`), `Command:Reset`. */
export function executeCommands(uris: readonly string[], options: { beep?: boolean } = {}): RenderedFile {
  return page(
    'YealinkIPPhoneExecute',
    {},
    {
      '@Beep': yesNo(options.beep),
      ExecuteItem: uris.map((uri) => ({ '@URI': address(uri) })),
    },
  )
}
