import { ApplianceError } from '#src/base/errors.ts'

/**
 * The text of a file that an office program saved: UTF-8 with or without mark, UTF-16 with mark ("Unicode text"), else
 * Windows-1252, as Excel saves CSV in Western Europe. Throws INVALID for what is no text.
 */
export function decodeText(file: Uint8Array): string {
  if (startsWith(file, 'PK\u0003\u0004') || startsWith(file, '\u00d0\u00cf\u0011\u00e0')) {
    throw new ApplianceError(
      'INVALID',
      {},
      {
        text: 'This is a workbook, not a CSV file.',
        advice: 'Save it from the spreadsheet as “CSV UTF-8” first.',
      },
    )
  }
  const text = decode(file)
  if (text.includes('\0')) {
    throw new ApplianceError(
      'INVALID',
      {},
      { text: 'This is not a text file.', advice: 'Choose a CSV file.' },
    )
  }
  return text
}

function decode(file: Uint8Array): string {
  // A TextDecoder takes the mark away itself.
  if (startsWith(file, '\u00ff\u00fe')) return new TextDecoder('utf-16le').decode(file)
  if (startsWith(file, '\u00fe\u00ff')) return new TextDecoder('utf-16be').decode(file)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file)
  } catch {
    return new TextDecoder('windows-1252').decode(file)
  }
}

function startsWith(file: Uint8Array, mark: string): boolean {
  return [...mark].every((character, index) => file[index] === character.charCodeAt(0))
}
