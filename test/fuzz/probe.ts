import { createSocket } from 'node:dgram'
import { startSipp } from '#test/peers/sipp.ts'
import { plainCallScenario } from '#test/peers/sipp-scenarios.ts'
import { freePort } from '#test/peers/free-port.ts'

const host = '127.0.0.1'

/** Time until an OPTIONS was answered, ms; undefined when `limitMs` went by without an answer. */
export async function probeOptions(enginePort: number, limitMs: number): Promise<number | undefined> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, host, resolve))
  const mark = Math.random().toString(36).slice(2)
  const text = [
    `OPTIONS sip:probe@${host}:${enginePort} SIP/2.0`,
    `Via: SIP/2.0/UDP ${host}:${socket.address().port};branch=z9hG4bKp${mark};rport`,
    'Max-Forwards: 70',
    `From: <sip:probe@${host}>;tag=p`,
    `To: <sip:probe@${host}>`,
    `Call-ID: probe-${mark}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n')
  const startedMs = performance.now()
  let again: NodeJS.Timeout | undefined
  try {
    return await new Promise<number | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), limitMs)
      socket.on('message', (bytes) => {
        if (!bytes.toString('latin1').startsWith('SIP/2.0 200')) return
        clearTimeout(timer)
        resolve(performance.now() - startedMs)
      })
      const send = (): void => socket.send(text, enginePort, host, () => undefined)
      send()
      // As any phone would: the first datagram may have found a full buffer.
      again = setTimeout(send, limitMs / 4)
    })
  } finally {
    clearTimeout(again)
    socket.close()
  }
}

/** One call by SIPp through the B2BUA to a SIPp that answers; what SIPp says when it fails. */
export async function probeCall(enginePort: number): Promise<string | undefined> {
  const run = startSipp({
    scenario: plainCallScenario({ talkMs: 100 }),
    localPort: await freePort(),
    target: `${host}:${enginePort}`,
    calls: 1,
    rate: 1,
    extra: ['-s', 'probe', '-recv_timeout', '4000', '-timeout', '10'],
  })
  const result = await run.done
  return result.successful === 1 && result.failed === 0
    ? undefined
    : result.errors || `exit ${result.exitCode}`
}
