import { access, readdir, readFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { join } from 'node:path'

/** Where Linux shows its terminals; tests put folders of their own in their place. */
export interface TtyPaths {
  sysClassTty: string
  dev: string
}

const linuxPaths: TtyPaths = { sysClassTty: '/sys/class/tty', dev: '/dev' }

/** Built-in UARTs, USB adapters, USB devices that are a serial port themselves, and the UARTs of ARM boards. */
const names = /^tty(?:S|USB|ACM|AMA|XRUSB)\d+$/

/**
 * Lists the serial ports that are there now, `/dev/ttyS0` first. Linux names ttyS ports that no chip stands behind
 * (include/uapi/linux/serial.h: type 0, PORT_UNKNOWN); they are left out, and so is what this process may not open.
 */
export async function findSerialPorts(paths: TtyPaths = linuxPaths): Promise<string[]> {
  const shown = await readdir(paths.sysClassTty).catch(() => [])
  const found: string[] = []
  for (const name of shown.filter((item) => names.test(item)).sort(byKindAndNumber)) {
    if (await isReal(join(paths.sysClassTty, name), join(paths.dev, name))) found.push(join(paths.dev, name))
  }
  return found
}

async function isReal(folder: string, device: string): Promise<boolean> {
  try {
    await access(device, constants.R_OK | constants.W_OK)
  } catch {
    return false
  }
  const type = await readFile(join(folder, 'type'), 'latin1').catch(() => undefined)
  return type === undefined || type.trim() !== '0'
}

function byKindAndNumber(a: string, b: string): number {
  const kind = (name: string): string => name.replace(/\d+$/, '')
  const number = (name: string): number => Number(/\d+$/.exec(name)?.[0])
  // Built-in ports first: their names do not move about.
  const rank = (name: string): number => ['ttyS', 'ttyAMA'].indexOf(kind(name)) >>> 0
  return rank(a) - rank(b) || kind(a).localeCompare(kind(b)) || number(a) - number(b)
}
