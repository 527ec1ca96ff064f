import type { DeviceDefinition, DeviceFamily, DeviceModelKind, ProductLine, Vendor } from './definition.ts'
import { audioCodes400Hd } from './vendors/audiocodes-400hd.ts'
import { ciscoMpp } from './vendors/cisco-mpp.ts'
import { familyRules, otherCommonFileNumbers, vendorPrefixes } from './vendors/families.ts'
import { vendorNotes } from './vendors/notes.ts'
import { polyRove } from './vendors/poly-rove.ts'
import { polyVvxTrio } from './vendors/poly-vvx-trio.ts'
import { spectralinkHandsets } from './vendors/spectralink-handsets.ts'
import { spectralinkServers } from './vendors/spectralink-servers.ts'
import { yealinkT } from './vendors/yealink-t.ts'

const productLines: readonly ProductLine[] = [
  ciscoMpp,
  polyVvxTrio,
  polyRove,
  yealinkT,
  audioCodes400Hd,
  spectralinkHandsets,
  spectralinkServers,
]

function define(line: ProductLine): DeviceDefinition[] {
  const links = vendorNotes.find(({ vendor }) => vendor === line.vendor)?.links ?? []
  return line.models.map(({ model, minimum, approved, ...row }) => ({
    id: `${line.vendor}-${model}`.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
    vendor: line.vendor,
    model,
    minimumFirmware: minimum,
    approvedFirmware: approved,
    links,
    ...{ family: line.family, kind: line.kind, e911: 'static', remarks: '' },
    ...row,
  }))
}

/** Every model of the table of compatible devices, once, in the table's order of brands. */
export const catalogue: readonly DeviceDefinition[] = productLines.flatMap(define)

// Devices spell their models with other separators than the table does: VVX_450, Trio_8500, T21P_E2.
const keyOf = (vendor: string, model: string): string =>
  `${vendor} ${model.replace(/[ _-]/g, '')}`.toLowerCase()
const byModel = new Map(catalogue.map((entry) => [keyOf(entry.vendor, entry.model), entry]))
const byId = new Map(catalogue.map((entry) => [entry.id, entry]))

/** Finds the row of a model, however the device separates its words; undefined when it is not in the table. */
export function findDefinition(vendor: string, model: string): DeviceDefinition | undefined {
  return byModel.get(keyOf(vendor, model))
}

/** Finds a row by its stable id. */
export function findDefinitionById(id: string): DeviceDefinition | undefined {
  return byId.get(id)
}

/** Family and kind of a model, from its row or, for models without one, from the look of its name. */
export function familyOf(
  vendor: string,
  model: string,
): { family: DeviceFamily | undefined; kind: DeviceModelKind } | undefined {
  const definition = findDefinition(vendor, model)
  if (definition) return { family: definition.family, kind: definition.kind }
  const rule = familyRules.find((entry) => entry.vendor === vendor && entry.model.test(model))
  return rule && { family: rule.family, kind: rule.kind }
}

/** The model that a Yealink common file `y0000000000NN.cfg` is for; undefined when several share the number. */
export function modelOfCommonFile(number: string): string | undefined {
  const models = catalogue.filter(({ commonFileNumber }) => commonFileNumber === number)
  if (models.length > 1) return undefined
  return models[0]?.model ?? otherCommonFileNumbers[number]
}

const vendorByPrefix = new Map(
  vendorPrefixes.flatMap(({ vendor, prefixes }) =>
    prefixes.map((prefix): [string, Vendor] => [prefix, vendor]),
  ),
)

/** The vendor that a MAC's first three octets belong to: a hint, never a proof. */
export function vendorOfMac(mac: string): Vendor | undefined {
  return vendorByPrefix.get(mac.slice(0, 6))
}
