import { readdir, readFile, readlink } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { ipFamily } from '#src/base/net.ts'
import type { InterfaceState, SystemNetwork } from './ports.ts'

/** Where Linux keeps what is read here; tests put a folder of their own in its place. */
export interface SystemPaths {
  /** A folder per interface. */
  sysClassNet: string
  /** The IPv4 routing table. */
  routes: string
  /** The first that can be read counts. */
  resolvers: readonly string[]
}

const linuxPaths: SystemPaths = {
  sysClassNet: '/sys/class/net',
  routes: '/proc/net/route',
  // systemd-resolved writes the servers that it asks here; /etc/resolv.conf names itself then.
  resolvers: ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf'],
}

const maxBytes = 65_536

/**
 * Reads the machine's network: addresses from the system call, the rest from where Linux shows it. What cannot be
 * read is left out; never rejects.
 */
export async function readSystemNetwork(paths: SystemPaths = linuxPaths): Promise<SystemNetwork> {
  const known = networkInterfaces()
  const shown = await readdir(paths.sysClassNet).catch(() => [])
  const names = [...new Set([...shown, ...Object.keys(known)])].filter((name) => name !== 'lo')
  const interfaces = await Promise.all(
    names.map(async (name): Promise<InterfaceState> => {
      const addresses = known[name] ?? []
      const read = (file: string): Promise<string | undefined> =>
        readText(join(paths.sysClassNet, name, file))
      const mac = (await read('address')) ?? addresses[0]?.mac
      return {
        name,
        mac: mac && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac) ? mac.toLowerCase() : undefined,
        link: linkOf(await read('carrier'), await read('operstate')),
        physical: await isPhysical(join(paths.sysClassNet, name)),
        addresses: addresses.flatMap(({ address, cidr, family }) =>
          cidr === null
            ? []
            : [{ address, prefixLength: Number(cidr.split('/')[1]), family: family === 'IPv6' ? 6 : 4 }],
        ),
      }
    }),
  )
  return {
    interfaces: interfaces.filter(({ physical, addresses }) => physical || addresses.length > 0),
    gateways: parseGateways((await readText(paths.routes)) ?? ''),
    dns: await readResolvers(paths.resolvers),
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'latin1')).slice(0, maxBytes).trim()
  } catch {
    // `carrier` of an interface that is down, a file that this system does not have.
    return undefined
  }
}

function linkOf(carrier: string | undefined, state: string | undefined): InterfaceState['link'] {
  if (carrier === '1') return 'up'
  if (carrier === '0' || state === 'down') return 'down'
  return undefined
}

/** A network card hangs on a bus; bridges, tunnels and the like are made by software. */
async function isPhysical(folder: string): Promise<boolean> {
  const target = await readlink(folder).catch(() => undefined)
  return target !== undefined && !target.includes('/virtual/')
}

/** Default routes of /proc/net/route (proc(5)): addresses are hexadecimal, little-endian; lower metrics first. */
export function parseGateways(table: string): string[] {
  const routes = table
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter(
      ([, destination, gateway]) => destination === '00000000' && gateway && /^[0-9A-F]{8}$/i.test(gateway),
    )
    .map((fields) => ({ gateway: fields[2] as string, metric: Number(fields[6] ?? 0) }))
    .filter(({ gateway }) => gateway !== '00000000')
    .sort((a, b) => a.metric - b.metric)
    .map(({ gateway }) => [...Buffer.from(gateway, 'hex')].reverse().join('.'))
  return [...new Set(routes)]
}

async function readResolvers(paths: readonly string[]): Promise<string[]> {
  for (const path of paths) {
    const text = await readText(path)
    if (text === undefined) continue
    return [...text.matchAll(/^nameserver\s+(\S+)/gm)]
      .map((match) => match[1] as string)
      .filter((server) => ipFamily(server.split('%')[0] as string) !== 0)
      .slice(0, 8)
  }
  return []
}
