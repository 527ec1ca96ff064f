import type { DeviceFamily } from '../definition.ts'
import type { FirmwareVersion } from './version.ts'

type Grammar = (text: string) => FirmwareVersion | undefined

const numbers = (parts: readonly (string | undefined)[]): number[] =>
  parts.filter((part) => part !== undefined && part !== '').map(Number)

/**
 * `66.86.0.15`: hardware, branch, line, build; or a branch alone (`83`). The branch decides. The third number marks
 * builds for one customer (5, 257 …) and every hardware counts its own builds, so the last number only orders
 * versions that share both.
 */
const yealink: Grammar = (text) => {
  const branchOnly = /^\d{2,3}$/.exec(text)
  if (branchOnly) return { scale: 'yealink', major: [Number(text)], strand: '', minor: [] }
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,4})\.(\d{1,5})$/.exec(text)
  if (!match) return undefined
  const [, hardware, branch, line, build] = match
  return {
    scale: 'yealink',
    major: numbers([branch]),
    strand: `${Number(hardware)}.${Number(line)}`,
    minor: numbers([build]),
  }
}

/** `5.9.5.3182`: integers; the fourth has leading zeros and may be missing. */
const dotted: Grammar = (text) =>
  /^\d{1,4}(?:\.\d{1,6}){1,3}$/.test(text)
    ? { scale: 'dotted', major: numbers(text.split('.')), strand: '', minor: [] }
    : undefined

const ciscoPattern =
  /^(\d{1,3})[.-](\d{1,3})(?:[.-](\d{1,3}))?(?:[.-]?(MPP|MSR|SR)(\d{0,6})(?:[.-](\d{1,6}))?)?(?:\.loads)?$/i

/**
 * `11.1.1MPP`, `11-3-3MPP`, `sip88xx.11-3-5MPP0001-66`, `11-1-0-MSR4`, `12.0.3`: three integers, then the number of
 * the build as the tie-break. Maintenance releases (MSR) and MPP builds are counted apart.
 */
const cisco: Grammar = (text) => {
  const match = ciscoPattern.exec(text.replace(/^sip[0-9a-z]{0,12}\./i, ''))
  if (!match) return undefined
  const [, first, second, third, strand = '', build, load] = match
  // `MPP` without a number means the release, not a build of it.
  const named = strand !== '' && build !== ''
  return {
    scale: 'cisco',
    major: numbers([first, second, third]),
    strand: named ? strand.toUpperCase() : '',
    minor: named ? numbers([build, load]) : [],
  }
}

/** `2.2.16.570`, `2.0.0_build_15`: integers in two trains, 2.x (SIP) and 3.x, that are never compared. */
const audioCodesPhone: Grammar = (text) => {
  const version = dotted(text.replace('_build_', '.'))
  return version && { ...version, scale: `audiocodes ${version.major[0] ?? 0}.x` }
}

/** `6.60A.367.001`: the letter counts between the second and the third number. */
const audioCodesGateway: Grammar = (text) => {
  const match = /^(\d{1,2})\.(\d{1,3})([A-Z])\.(\d{1,4})(?:\.(\d{1,4}))?$/.exec(text)
  if (!match) return undefined
  const [, first, second, letter = '', third, fourth] = match
  const major = [...numbers([first, second]), letter.charCodeAt(0), ...numbers([third, fourth])]
  return { scale: 'audiocodes gateway', major, strand: '', minor: [] }
}

const rank = (letter: string): number => (letter === '' || letter === '_' ? 0 : letter.charCodeAt(0) - 96)

/** `PCS22Ab`, `PCS16E_`: year, letter, suffix; a missing suffix or `_` comes first. */
const spectralink: Grammar = (text) => {
  const match = /^PCS(\d{2})([a-z_])([a-z_]?)$/i.exec(text)
  if (!match) return undefined
  const [, year = '', letter = '', suffix = ''] = match
  const major = [Number(year), rank(letter.toLowerCase()), rank(suffix.toLowerCase())]
  return { scale: 'spectralink', major, strand: '', minor: [] }
}

const grammars: Readonly<Record<DeviceFamily, Grammar>> = {
  yealink,
  'yealink-dect': yealink,
  'poly-ucs': dotted,
  'poly-obi': dotted,
  'poly-rove': dotted,
  'cisco-mpp': cisco,
  'cisco-ata': cisco,
  'audc-2x': audioCodesPhone,
  'audc-3x': audioCodesPhone,
  'audc-mp': audioCodesGateway,
  'spectralink-server': spectralink,
  'spectralink-handset': spectralink,
}

/** Reads a version as its family writes it; undefined for anything else. */
export function parseFirmware(family: DeviceFamily, text: string): FirmwareVersion | undefined {
  return text.length > 0 && text.length <= 48 ? grammars[family](text) : undefined
}
