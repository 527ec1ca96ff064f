import type { DeviceFamily } from './definition.ts'
import type { DeviceView } from './device-view.ts'
import type { FamilyRenderer, RenderedFile } from './render/family-renderer.ts'
import { spectralinkRenderer } from './render/spectralink.ts'
import { yealinkRenderer } from './render/yealink.ts'

export type { FamilyRenderer, FileKind, RenderedFile } from './render/family-renderer.ts'

/** The families whose files the box writes; the others are recognised and shown, no more. */
const renderers: Partial<Record<DeviceFamily, FamilyRenderer>> = {
  yealink: yealinkRenderer,
  'spectralink-server': spectralinkRenderer,
}

/** Whether the box writes configuration for devices of a family. */
export function canRender(family: DeviceFamily | undefined): boolean {
  return family !== undefined && renderers[family] !== undefined
}

/** The files of a device in the order in which it asks for them; empty when its family is not rendered. */
export function filesOf(device: {
  family: DeviceFamily | undefined
  mac: string
  model: string | undefined
}): readonly string[] {
  const renderer = device.family && renderers[device.family]
  return renderer ? renderer.filesOf(device) : []
}

/**
 * Renders one file of a device; undefined when its family has no such file, or the name is another device's.
 * `fileName` is the last segment of the path, in any letter case. Throws INVALID when a secret or an address of the
 * view cannot be written into the file.
 */
export function renderFile(
  request: { fileName: string; family: DeviceFamily | undefined },
  view: DeviceView,
): RenderedFile | undefined {
  const renderer = request.family && renderers[request.family]
  const kind = renderer?.kindOf(request.fileName, view.device.mac)
  return renderer && kind ? renderer.render(kind, view) : undefined
}
