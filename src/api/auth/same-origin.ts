import type { IncomingHttpHeaders } from 'node:http'

/**
 * True when a change may come from this request: its Origin is the page itself. Browsers send Origin with every
 * cross-site change, so a request without one and without a cross-site mark comes from a tool, not from a
 * page that borrowed the admin's cookie.
 */
export function isSameOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  if (headers.origin === undefined) return true
  return (
    headers.host !== undefined && headers.origin.toLowerCase() === `https://${headers.host.toLowerCase()}`
  )
}
