/** What the path of a request says: a file in a device's own folder, or a file that anybody may name. */
export type ReadPath =
  | { kind: 'own'; deviceId: string; token: string; fileName: string; query: string }
  | { kind: 'generic'; path: string; fileName: string; query: string }

/** First segment of every device's own folder. */
const ownFolder = 'device'
const maxUrlLength = 1_024
const fileNameShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/
const idShape = /^[A-Za-z0-9]{1,40}$/
const tokenShape = /^[bp][A-Za-z0-9_-]{32}$/

/**
 * Reads the path as sent, without decoding it: no name of ours needs an escape, so `%2e%2e` is just a name that
 * nobody has. There are no folders behind it; all that counts is the last segment, under any prefix.
 */
export function readPath(url: string): ReadPath | undefined {
  if (url.length > maxUrlLength || !url.startsWith('/')) return undefined
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const query = mark < 0 ? '' : url.slice(mark + 1)
  const segments = path.slice(1).split('/')
  const fileName = segments.at(-1) ?? ''
  if (!fileNameShape.test(fileName)) return undefined
  const [folder, deviceId = '', token = ''] = segments
  if (folder === ownFolder && segments.length === 4 && idShape.test(deviceId) && tokenShape.test(token)) {
    return { kind: 'own', deviceId, token, fileName, query }
  }
  return { kind: 'generic', path, fileName, query }
}

/** Path of a device's own folder, with a slash at both ends. */
export function ownPath(deviceId: string, token: string): string {
  return `/${ownFolder}/${deviceId}/${token}/`
}
