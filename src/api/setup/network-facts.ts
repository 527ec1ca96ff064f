import type { SystemNetwork } from '#src/host/network/ports.ts'
import { readSystemNetwork } from '#src/host/network/read-system.ts'
import type { ApiContext } from '../context.ts'

/** The network as it is now, also while nothing controls it. */
export async function readNetwork(context: ApiContext): Promise<SystemNetwork> {
  const { network } = context.parts
  return network ? (await network.view()).system : readSystemNetwork()
}
