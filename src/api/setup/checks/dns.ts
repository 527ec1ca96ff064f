import { Resolver } from 'node:dns/promises'
import type { Finding } from './check.ts'

const answerLimitMs = 2_000
const tries = 2

/** Asks DNS for addresses of one name; the result says in words why there is none. */
export async function resolveName(
  name: string,
  servers: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<{ addresses: string[] } | { problem: string; answered: boolean }> {
  const resolver = new Resolver({ timeout: answerLimitMs, tries })
  if (servers) resolver.setServers(servers)
  const cancel = (): void => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return { addresses: await resolver.resolve4(name) }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    return { problem: problems[code] ?? `DNS says ${code}`, answered: answeredCodes.has(code) }
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** c-ares error codes in words. */
const problems: Readonly<Record<string, string>> = {
  ENOTFOUND: 'DNS knows no such name',
  ENODATA: 'the name has no IPv4 address',
  ETIMEOUT: 'no DNS server answers',
  ECANCELLED: 'no DNS server answers',
  ECONNREFUSED: 'the DNS server refuses to be asked',
  ESERVFAIL: 'the DNS server has a fault',
  EREFUSED: 'the DNS server refuses to answer',
}
const answeredCodes: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'ESERVFAIL', 'EREFUSED'])

/** Finds out whether names of the outside world are resolved. */
export async function checkDns(options: {
  name: string
  servers: readonly string[] | undefined
  signal: AbortSignal
}): Promise<Finding> {
  const { name } = options
  const answer = await resolveName(name, options.servers, options.signal)
  if ('addresses' in answer) return { state: 'ok', text: `DNS resolves ${name}.` }
  return {
    state: 'failed',
    text: `${name} is not resolved: ${answer.problem}.`,
    advice: answer.answered
      ? 'The DNS server is there but does not know the internet: ask whoever runs it.'
      : 'Check the DNS servers of the network. The lab and calls inside the office work without.',
  }
}
