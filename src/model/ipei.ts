/** The five digits of the maker are 16 bits, the seven of the handset 20 (EN 300 175-6 10.1). */
const maxMaker = 0xffff
const maxSerial = 0xfffff
const makerDigits = 5
const bareDigits = 12

/** Longest text that is read as an IPEI: room for the spaces and hyphens of every printed form. */
const maxTextLength = 40

/** A read IPEI, or a sentence for the person who typed it. */
export type ReadIpei = { ipei: string; problem?: never } | { ipei?: never; problem: string }

/**
 * Reads an IPEI as it is printed on a handset or shown by a system (EN 300 175-6 annex C): five digits of the
 * maker, seven of the handset, one check character. Spaces and hyphens are ignored. Some systems leave the check
 * character out; it is then computed. What comes back always has all 13 characters and no spaces.
 */
export function readIpei(text: string): ReadIpei {
  if (text.length > maxTextLength) return { problem: 'This is too long for an IPEI.' }
  const bare = text.replace(/[\s\u00a0-]/g, '')
  if (bare === '') return { problem: 'The IPEI is missing.' }
  const parts = /^(\d{5})(\d{7})([\d*])?$/.exec(bare)
  if (!parts) {
    return {
      problem: /^[\d*]+$/.test(bare)
        ? `An IPEI has 12 digits and a check character; this has ${bare.length} characters.`
        : 'An IPEI has digits only, and perhaps a * at its end.',
    }
  }
  const [, maker = '', serial = '', check] = parts
  if (Number(maker) > maxMaker)
    return { problem: `The first five digits of an IPEI are at most ${maxMaker}.` }
  if (Number(serial) > maxSerial) {
    return { problem: `The seven digits after the first five are at most ${maxSerial}.` }
  }
  const digits = maker + serial
  const right = ipeiCheckCharacter(digits)
  if (check !== undefined && check !== right) {
    return {
      problem: `The check character does not fit: one of the digits is wrong, or it should be ${right}.`,
    }
  }
  return { ipei: digits + right }
}

/** The check character of the twelve digits: each times its position, summed, modulo 11; ten is written `*`. */
export function ipeiCheckCharacter(digits: string): string {
  let sum = 0
  for (const [index, digit] of [...digits].entries()) sum += Number(digit) * (index + 1)
  const rest = sum % 11
  return rest === 10 ? '*' : String(rest)
}

/** An IPEI as it is printed: `57005 0782068 7`. */
export function formatIpei(ipei: string): string {
  return [ipei.slice(0, makerDigits), ipei.slice(makerDigits, bareDigits), ipei.slice(bareDigits)].join(' ')
}
