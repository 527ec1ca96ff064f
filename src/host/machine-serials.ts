import { readFile } from 'node:fs/promises'
import type { SystemNetwork } from './network/ports.ts'

/** Where firmware tells the machine's serial number: SMBIOS on PCs (type 1), the device tree on ARM boards. */
const serialFiles = ['/sys/class/dmi/id/product_serial', '/proc/device-tree/serial-number']
/** What vendors leave in the field when they put nothing in. */
const empty = /^(to be filled|default string|system serial|not (specified|applicable)|none|0+|x+)\b|^$/i

/** What tells this machine from others of its kind: its serial number where it may be read, its hardware addresses. */
export async function readMachineSerials(network: SystemNetwork): Promise<{ name: string; value: string }[]> {
  const serials: { name: string; value: string }[] = []
  for (const file of serialFiles) {
    const text = await readFile(file, 'latin1').catch(() => '')
    const value = text.replace(/\0/g, '').trim().slice(0, 60)
    if (!empty.test(value)) serials.push({ name: 'Serial number', value })
  }
  for (const { name, mac, physical } of network.interfaces)
    if (physical && mac !== undefined) serials.push({ name: `Port ${name}`, value: mac })
  return serials
}
