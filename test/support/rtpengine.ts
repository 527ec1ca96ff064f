import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { accessSync } from 'node:fs'
import { freePort } from '#test/peers/free-port.ts'

/** An rtpengine of a test: userspace only, loopback, ports of its own. */
export interface RunningRtpengine {
  host: string
  port: number
  process: ChildProcess
  stop(): Promise<void>
}

const program = '/usr/bin/rtpengine'

/** Starts Debian's rtpengine, or throws which package is missing; resolves once its control port answers. */
export async function startRtpengine(options: {
  portMin: number
  portMax: number
  args?: string[]
}): Promise<RunningRtpengine> {
  try {
    accessSync(program)
  } catch {
    throw new Error('rtpengine is missing: apt-get install --no-install-recommends rtpengine-daemon')
  }
  const port = await freePort()
  const child = spawn(
    program,
    [
      '--foreground',
      '--log-stderr',
      '--log-level=4',
      // Debian's configuration file would bring its own ports along.
      '--config-file=none',
      '--interface=127.0.0.1',
      `--listen-ng=127.0.0.1:${port}`,
      `--port-min=${options.portMin}`,
      `--port-max=${options.portMax}`,
      '--table=-1',
      ...(options.args ?? []),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4000)
  })
  const exited = once(child, 'exit')
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exited
  }
  try {
    await pinged(port, child)
  } catch (error) {
    await stop()
    throw new Error(`rtpengine did not start: ${log}`, { cause: error })
  }
  return { host: '127.0.0.1', port, process: child, stop }
}

async function pinged(port: number, child: ChildProcess): Promise<void> {
  const socket = createSocket('udp4')
  const answered = once(socket, 'message')
  // While the port is closed, a connected socket would show errors; this one simply hears nothing.
  const timer = setInterval(() => socket.send('ping d7:command4:pinge', port, '127.0.0.1'), 50)
  try {
    await Promise.race([
      answered,
      once(child, 'exit').then(() => {
        throw new Error('it ended')
      }),
    ])
  } finally {
    clearInterval(timer)
    socket.close()
  }
}
