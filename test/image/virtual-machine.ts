import { spawn, type ChildProcess } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { SerialLine } from './serial-line.ts'

const firmware = { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' }

/** A port of the guest that this machine reaches on its own loopback under the same number. */
export interface ForwardedPort {
  protocol: 'tcp' | 'udp'
  port: number
}

export interface VirtualMachineOptions {
  /** Folder for its disk's neighbours: firmware variables and sockets. */
  folder: string
  /** Raw image; written to. */
  disk: string
  memoryMb: number
  forward: ForwardedPort[]
  /** A tap device for a second network port, which nobody gives an address. */
  tap: string
}

/**
 * A computer as a customer's: UEFI, one disk, two network ports, two serial ports, a hardware watchdog. Run by QEMU;
 * in software where the processor lends no help, so everything takes its time.
 */
export class VirtualMachine {
  readonly options: VirtualMachineOptions
  /** First serial port: boot loader, kernel, systemd. */
  readonly kernel = new SerialLine('ttyS0')
  /** Second serial port: the maintenance console. */
  readonly console = new SerialLine('ttyS1')
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #monitor: Socket | undefined
  #complaints = ''

  constructor(options: VirtualMachineOptions) {
    this.options = options
  }

  /** Presses the power button; resolves when the machine runs, long before its system does. */
  async powerOn(): Promise<void> {
    const { folder, disk, memoryMb, forward, tap } = this.options
    const variables = join(folder, 'variables.fd')
    if (!existsSync(variables)) copyFileSync(firmware.variables, variables)
    const path = (name: string): string => join(folder, `${name}.sock`)
    const forwards = forward.map(({ protocol, port }) => `hostfwd=${protocol}:127.0.0.1:${port}-:${port}`)
    const args = [
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'q35,smm=off', '-smp', '2'],
      ...(hasVirtualisation()
        ? ['-accel', 'kvm', '-cpu', 'host']
        : ['-accel', 'tcg,thread=multi', '-cpu', 'max']),
      ...['-m', String(memoryMb)],
      ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${firmware.code}`],
      ...['-drive', `if=pflash,format=raw,unit=1,file=${variables}`],
      // No cache of this machine in between: what the guest has not flushed is lost when the power goes.
      ...['-blockdev', `driver=file,node-name=file,filename=${disk},cache.direct=on,aio=threads`],
      ...['-blockdev', 'driver=raw,node-name=disk,file=file', '-device', 'virtio-blk-pci,drive=disk'],
      ...[
        '-netdev',
        ['user', 'id=lan', 'ipv6=off', ...forwards].join(','),
        '-device',
        'virtio-net-pci,netdev=lan,romfile=',
      ],
      ...['-netdev', `tap,id=wire,ifname=${tap},script=no,downscript=no`],
      ...['-device', 'virtio-net-pci,netdev=wire,mac=52:54:00:b1:00:02,romfile='],
      ...['-serial', `unix:${path('ttyS0')},server=on,wait=on`],
      ...['-serial', `unix:${path('ttyS1')},server=on,wait=off`],
      ...['-qmp', `unix:${path('qmp')},server=on,wait=off`],
      ...['-device', 'i6300esb', '-watchdog-action', 'reset'],
    ]
    const child = spawn('nice', ['-n', '5', 'qemu-system-x86_64', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()))
    child.stderr?.on('data', (chunk: Buffer) => (this.#complaints += chunk.toString()))
    await this.kernel.connect(path('ttyS0'), () => this.#alive())
    await this.console.connect(path('ttyS1'), () => this.#alive())
    this.#monitor = await this.#openMonitor(path('qmp'))
  }

  /** The power is gone, in the middle of whatever the machine was at. */
  async cutPower(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#ended
    this.#monitor?.destroy()
    this.kernel.close()
    this.console.close()
  }

  /** Sends Ctrl-Alt-Del, the reset button and the like are not needed: only reads what the machine reported. */
  get complaints(): string {
    return this.#complaints
  }

  #alive(): void {
    if (this.#child?.exitCode !== null) throw new Error(`QEMU ended:\n${this.#complaints}`)
  }

  async #openMonitor(path: string): Promise<Socket> {
    const socket = connect(path)
    socket.on('error', () => undefined)
    createInterface({ input: socket }).on('line', (line) => {
      const message = JSON.parse(line) as { event?: string }
      if (message.event !== undefined) this.kernel.note(`[machine: ${message.event}]`)
    })
    socket.write('{"execute":"qmp_capabilities"}\n')
    return socket
  }
}

function hasVirtualisation(): boolean {
  return existsSync('/dev/kvm') && /^flags.*\b(vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))
}
