/**
 * The `;name=value` parameters of Via, From, Contact … and of URIs. Names are lower-case; a parameter
 * without `=` maps to undefined, so `has` and `get` tell `;lr` from its absence. Quotes of a quoted value are kept.
 */
export type SipParams = ReadonlyMap<string, string | undefined>

/** No parameters: what most URIs and fields have, and so no map of its own each time. */
export const noParams: SipParams = new Map()

const quote = 0x22
const backslash = 0x5c
const semicolon = 0x3b

/** True for space and tab. */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Index just after the quoted string that opens at `at`, or -1 when it never ends. */
export function skipQuoted(text: string, at: number): number {
  for (let index = at + 1; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === backslash) index++
    else if (code === quote) return index + 1
  }
  return -1
}

/** Index of the next `;` outside quotes, the length when there is none, -1 when a quote never ends. */
export function nextSemicolon(text: string, from: number): number {
  // One pass that stops where it finds something: a search ahead for quotes would be paid again by each parameter.
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === semicolon) return index
    if (code === quote) {
      const end = skipQuoted(text, index)
      if (end < 0) return -1
      index = end - 1
    }
  }
  return text.length
}

/**
 * Parses what follows a URI or sent-by: nothing, or `;name[=value]` repeated, blanks allowed around each part
 * (RFC 3261 25.1 SEMI, EQUAL). Undefined when it is something else.
 */
export function parseParams(text: string, from = 0): SipParams | undefined {
  let at = from
  while (at < text.length && isBlank(text.charCodeAt(at))) at++
  if (at === text.length) return noParams
  if (text[at] !== ';') return undefined
  const params = new Map<string, string | undefined>()
  while (at < text.length) {
    const end = nextSemicolon(text, at + 1)
    if (end < 0) return undefined
    const part = text.slice(at + 1, end)
    const equals = part.indexOf('=')
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase()
    if (name === '') {
      // `;;` and a trailing `;` are seen from real phones; an equals sign without a name is not.
      if (equals >= 0) return undefined
    } else if (!params.has(name)) params.set(name, equals < 0 ? undefined : part.slice(equals + 1).trim())
    at = end
  }
  return params
}

/** Writes parameters back, each with its leading semicolon. */
export function formatParams(params: ReadonlyMap<string, string | undefined>): string {
  let text = ''
  for (const [name, value] of params) text += value === undefined ? `;${name}` : `;${name}=${value}`
  return text
}

/**
 * The value of one parameter without building a map; '' when it has none, undefined when it is absent.
 * `from` is where the parameters begin.
 */
export function paramOf(text: string, name: string, from: number): string | undefined {
  let at = nextSemicolon(text, from)
  while (at >= 0 && at < text.length) {
    const end = nextSemicolon(text, at + 1)
    if (end < 0) return undefined
    let start = at + 1
    while (start < end && isBlank(text.charCodeAt(start))) start++
    if (matchesName(text, start, name)) {
      let after = start + name.length
      while (after < end && isBlank(text.charCodeAt(after))) after++
      if (after === end) return ''
      if (text[after] === '=') return text.slice(after + 1, end).trim()
    }
    at = end
  }
  return undefined
}

// `name` is lower-case; only letters are folded.
function matchesName(text: string, start: number, name: string): boolean {
  if (start + name.length > text.length) return false
  for (let index = 0; index < name.length; index++) {
    const code = text.charCodeAt(start + index)
    const folded = code >= 0x41 && code <= 0x5a ? code | 0x20 : code
    if (folded !== name.charCodeAt(index)) return false
  }
  return true
}

/**
 * Splits a comma list, commas inside quotes and angle brackets left alone (RFC 3261 7.3.1). Empty elements are
 * dropped; undefined when a quote or a bracket never ends.
 */
export function splitList(value: string): string[] | undefined {
  const parts: string[] = []
  let start = 0
  let inAngle = false
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (code === quote) {
      // A bare quote inside <> is part of a (bad) URI, it opens no string there.
      if (inAngle) continue
      const end = skipQuoted(value, index)
      if (end < 0) return undefined
      index = end - 1
    } else if (code === 0x3c) inAngle = true
    else if (code === 0x3e) inAngle = false
    else if (code === 0x2c && !inAngle) {
      const part = value.slice(start, index).trim()
      if (part !== '') parts.push(part)
      start = index + 1
    }
  }
  if (inAngle) return undefined
  const last = value.slice(start).trim()
  if (last !== '') parts.push(last)
  return parts
}
