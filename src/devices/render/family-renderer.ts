import type { DeviceView } from '../device-view.ts'

/** What a file is for: `boot` names the others, `common` suits all devices of a model, `device` is for one MAC. */
export type FileKind = 'boot' | 'common' | 'device'

/** One rendered answer, ready to be sent; `screen` is a page on the device's own display. */
export interface RenderedFile {
  contentType: string
  body: string
  kind: FileKind | 'screen'
  /** Further headers of the answer. */
  headers?: Readonly<Record<string, string>>
}

/** What a family's files are called and how they are made. */
export interface FamilyRenderer {
  /** The files of one device in the order in which it asks for them. */
  filesOf(device: { mac: string; model: string | undefined }): readonly string[]
  /** What a name is for; undefined for none of the family's files or another device's. Any letter case. */
  kindOf(fileName: string, mac: string): FileKind | undefined
  /** Renders a file that {@link FamilyRenderer.kindOf} knows. */
  render(kind: FileKind, view: DeviceView): RenderedFile
}
