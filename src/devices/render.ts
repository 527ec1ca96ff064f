import type { DeviceFamily } from './definition.ts'
import type { DeviceView } from './device-view.ts'

/** What a file is for: `boot` names the others, `common` suits all devices of a model, `device` is for one MAC. */
export type FileKind = 'boot' | 'common' | 'device' | 'screen'

/** One rendered file, ready to be sent. */
export interface RenderedFile {
  contentType: string
  body: string
  kind: FileKind
}

/** What a family's files are called and how they are made. */
export interface FamilyRenderer {
  /** The files of one device in the order in which it asks for them. */
  filesOf(device: { mac: string; model: string | undefined }): readonly string[]
  /** What a name is for; undefined for none of the family's files or another device's. Any letter case. */
  kindOf(fileName: string, mac: string): FileKind | undefined
  /** Renders a file that {@link kindOf} knows. */
  render(kind: FileKind, view: DeviceView): RenderedFile
}

/** The families whose files the box writes; the others are recognised and shown, no more. */
const renderers: Partial<Record<DeviceFamily, FamilyRenderer>> = {}

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
 * `fileName` is the last segment of the path, in any letter case.
 */
export function renderFile(
  request: { fileName: string; family: DeviceFamily | undefined },
  view: DeviceView,
): RenderedFile | undefined {
  const renderer = request.family && renderers[request.family]
  const kind = renderer?.kindOf(request.fileName, view.device.mac)
  return renderer && kind ? renderer.render(kind, view) : undefined
}
