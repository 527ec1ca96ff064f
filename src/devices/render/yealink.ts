import { findDefinition } from '../catalogue.ts'
import type { DeviceDefinition } from '../definition.ts'
import type { DeviceView } from '../device-view.ts'
import { line, noLine } from '../features/yealink-account.ts'
import { idleSoftKey, lineKeys, ownDoNotDisturbAndForwarding } from '../features/yealink-keys.ts'
import { network, timeOfPlace, tonesAndLanguage } from '../features/yealink-place.ts'
import { adminPassword, boxAuthority, obeyOnlyTheBox, provisioningServer } from '../features/yealink-trust.ts'
import { yealinkValues } from '../features/yealink-undocumented.ts'
import { kindOfName, namesOf } from '../file-names.ts'
import { judgeFirmware } from '../firmware.ts'
import type { FamilyRenderer, FileKind } from './family-renderer.ts'
import { yealinkFiles } from '../vendors/yealink-files.ts'
import { comment, formatSettings, type Setting } from './cfg-text.ts'

/** Every file must begin so; the phone takes nothing else for a configuration. */
const header = '#!version:1.0.0.1\n'

/** A phone that stands in no table has at least these. */
const leastModel = { accounts: 1, lineKeys: 2 }

function definitionOf(view: DeviceView): DeviceDefinition | undefined {
  return view.device.model === undefined ? undefined : findDefinition('Yealink', view.device.model)
}

function namesFor(mac: string, model: string | undefined): readonly string[] {
  const number = model === undefined ? undefined : findDefinition('Yealink', model)?.commonFileNumber
  return namesOf(yealinkFiles, { mac, number })
}

/**
 * The boot file: which files, in which order. The common one comes first, it holds the CA. Read over plain HTTP it
 * leaves everything that it does not name as it is: whoever pretends to be the box must not empty a phone.
 */
function bootFile(view: DeviceView): string {
  const { mac, model } = view.device
  const names = namesFor(mac, model)
  const { overwriteAll, overwriteNamed } = yealinkValues
  const included = names.filter((name) => name.endsWith('.cfg'))
  return [
    header,
    `overwrite_mode = ${view.stage === 'bootstrap' ? overwriteNamed : overwriteAll}\n`,
    ...included.map((name) => `include:config "${name}"\n`),
  ].join('')
}

function commonSettings(view: DeviceView): Setting[] {
  const always = [...boxAuthority(view), ...timeOfPlace(view)]
  if (view.stage === 'bootstrap') return always
  return [...always, ...tonesAndLanguage(view), ...network(), ...obeyOnlyTheBox(view)]
}

function deviceSettings(view: DeviceView): Setting[] {
  if (view.stage === 'bootstrap') return provisioningServer(view)
  const model = definitionOf(view)
  const accounts = model?.accounts ?? leastModel.accounts
  const used = view.lines.slice(0, accounts)
  const unused = Array.from({ length: accounts - used.length }, (_, index) => used.length + index + 1)
  return [
    ...provisioningServer(view),
    ...adminPassword(view),
    ...used.flatMap((account, index) => line(view, account, index + 1)),
    ...unused.flatMap(noLine),
    ...ownDoNotDisturbAndForwarding(view),
    ...lineKeys({ ...view, lines: used }, model?.lineKeys ?? leastModel.lineKeys),
    ...idleSoftKey(view),
  ]
}

/** What a person reads who opens the file; the firmware is advice only, the box serves none. */
function remarks(view: DeviceView): string {
  const definition = definitionOf(view)
  return [
    comment(`${view.device.label}: configuration ${view.configVersion}`),
    definition ? comment(judgeFirmware(definition, view.device.firmware).text) : '',
  ].join('')
}

function bodyOf(kind: FileKind, view: DeviceView): string {
  if (kind === 'boot') return bootFile(view)
  if (kind === 'common') return header + formatSettings(commonSettings(view))
  return header + (view.stage === 'bootstrap' ? '' : remarks(view)) + formatSettings(deviceSettings(view))
}

/** Yealink's T series: `key = value` files, named by MAC and by a number per model. */
export const yealinkRenderer: FamilyRenderer = {
  filesOf: ({ mac, model }) => namesFor(mac, model),
  kindOf: (fileName, mac) => kindOfName(yealinkFiles, fileName, mac),
  render: (kind, view) => ({ contentType: 'text/plain; charset=utf-8', body: bodyOf(kind, view), kind }),
}
