/** One file of drachtio-srf's suite and how many assertions it must pass; a missing one is a failure. */
export interface SuiteFile {
  name: string
  assertions: number
  /** Most time it may take, ms: `uas` waits 32 s for an ACK that never comes. */
  limitMs: number
}

/** The files that `test/index.js` of the package runs, in its order; its docker files start what we start ourselves. */
export const suiteFiles: readonly SuiteFile[] = [
  { name: 'b2b', assertions: 19, limitMs: 120_000 },
  { name: 'reinvite-tests', assertions: 1, limitMs: 60_000 },
  { name: 'uac', assertions: 19, limitMs: 120_000 },
  { name: 'uas', assertions: 8, limitMs: 120_000 },
  { name: 'proxy', assertions: 2, limitMs: 60_000 },
  { name: 'utils', assertions: 27, limitMs: 30_000 },
  { name: 'refer', assertions: 1, limitMs: 60_000 },
]

/** The two containers that hold a drachtio-server; ours is an engine each. */
export const engineNames = { sut: 'drachtio-sut', uas: 'drachtio-uas' } as const

/** The network of the suite's containers and what takes its place on loopback. */
export const theirNetwork = '172.29.0.'
export const ourNetwork = '127.29.0.'

/** Addresses for containers that the suite starts while it runs: `docker run --name` and unnamed ones. */
export const namedContainer = { name: 'sipp-uas-b-teardown', address: `${ourNetwork}200` }
export const callerNetwork = '127.29.1.'

/** What the docker command in our place has to know; handed to it as JSON in this variable of the environment. */
export const shimVariable = 'SRF_SUITE_SHIM'

export interface ShimSettings {
  /** Folder with the scenarios as this machine's SIPp reads them. */
  scenarios: string
  /** Address of each name that a SIPp command line may call. */
  hosts: Record<string, string>
  /** Folder in which callers take a number each. */
  numbers: string
}
