// RFC 3261 16.7 step 6 leaves the choice inside a class to us: what a person can use comes first. A busy or
// declining phone says more than one that could not be reached, and our own CANCEL's 487 says nothing.
const mostTelling = [486, 480, 404, 410, 484, 488, 415, 403]
const leastTelling = [487, 408, 401, 407]

/**
 * Chooses the response that stands for a fork in which nobody answered (RFC 3261 16.7 step 6): any 6xx,
 * else the lowest class, 5xx of a branch never hiding what a 4xx of another tells.
 */
export function bestResponse<T extends { status: number }>(responses: readonly T[]): T | undefined {
  let best: T | undefined
  for (const response of responses) if (!best || rank(response.status) < rank(best.status)) best = response
  return best
}

/** Lower is better. */
function rank(status: number): number {
  if (status >= 600) return 0
  const hundreds = Math.floor(status / 100) * 1000
  const told = mostTelling.indexOf(status)
  if (told >= 0) return hundreds + told
  const untold = leastTelling.indexOf(status)
  // A branch that only timed out or was cancelled ranks behind every other refusal, 5xx included.
  return untold >= 0 ? 9000 + untold : hundreds + 100
}
