import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Resolver } from 'node:dns/promises'
import { until } from '#test/support/until.ts'
import { freePort } from './free-port.ts'

/** A running dnsmasq from Debian, answering from what it was given and nothing else. */
export interface Dnsmasq {
  /** `127.0.0.1:port`. */
  server: string
  /** Every question it was asked until now, as `type name`. */
  questions(): Promise<string[]>
  stop(): Promise<void>
}

/** Starts a DNS server on loopback with the lines of a dnsmasq configuration. */
export async function startDnsmasq(records: string[], port?: number): Promise<Dnsmasq> {
  const chosen = port ?? (await freePort())
  const folder = mkdtempSync(join(tmpdir(), 'dnsmasq-'))
  const config = [
    `port=${chosen}`,
    'listen-address=127.0.0.1',
    'bind-interfaces',
    'no-resolv',
    'no-hosts',
    'no-dhcp-interface=*',
    'log-queries',
    'log-facility=-',
    `pid-file=${join(folder, 'pid')}`,
    ...records,
  ]
  writeFileSync(join(folder, 'dnsmasq.conf'), config.join('\n') + '\n')
  const child = spawn('dnsmasq', ['-k', '-C', join(folder, 'dnsmasq.conf'), '--user=root'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-200_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'close')
    }
    rmSync(folder, { recursive: true, force: true })
  }
  const server = `127.0.0.1:${chosen}`
  const probe = new Resolver({ timeout: 200, tries: 1 })
  probe.setServers([server])
  const deadline = performance.now() + 30_000
  const answers = (name: string): Promise<boolean> =>
    probe.resolve4(name).then(
      () => true,
      (error: { code?: string }) =>
        error.code === 'ENOTFOUND' || error.code === 'ENODATA' || error.code === 'EREFUSED',
    )
  while (!(await answers('probe.test'))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop()
      throw new Error(`dnsmasq did not start:\n${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  let looks = 0
  // The log comes by another way than the answers: all of it is here once a question of our own is.
  const questions = async (): Promise<string[]> => {
    const last = `look-${++looks}.probe.test`
    await answers(last)
    await until(() => log.includes(last))
    return [...log.matchAll(/query\[(\w+)\] (\S+) from/g)]
      .map(([, type = '', name = '']) => `${type} ${name}`)
      .filter((line) => !line.endsWith('probe.test'))
  }
  return { server, questions, stop }
}
