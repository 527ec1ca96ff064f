// npm run show:load: 1,000 calls at 20 per second from SIPp phones through the box to a trunk whose far end is Kamailio
// (mutual TLS) with SIPp behind it; a tenth of the calls carries audio, checked packet by packet on the wire.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aLaw } from '#src/media/endpoint/g711.ts'
import { Capture, type Datagram } from '#test/peers/capture.ts'
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import { startKamailioTrunk } from '#test/peers/kamailio.ts'
import { startSipp } from '#test/peers/sipp.ts'
import {
  answerScenario,
  authenticationField,
  callScenario,
  registerScenario,
} from '#test/peers/sipp-scenarios.ts'
import { Box } from '#test/support/box.ts'
import { makeCa } from '#test/support/certificates.ts'
import { seedLines } from '#test/support/seed.ts'
import { until } from './office.ts'

const phones = 100
const calls = 1000
const callsPerS = 20
const audioShare = 0.1
const talkMs = 3000
const tenantId = '11111111-1111-1111-1111-111111111111'
const trunkName = 'sip.trunk.load.example'
const boxName = 'box.load.example'
/** SIPp's media ports of the calls with audio: the wire is read there. */
const audioPorts = { min: 42000, max: 42400 }

/** Four seconds of a 1,004 Hz tone as raw A-law: 8,000 bytes per second, no two packets in a row alike. */
function audioFile(folder: string): string {
  const samples = Int16Array.from({ length: 8000 * 4 }, (_, index) =>
    Math.round(9000 * Math.sin((2 * Math.PI * 1004 * index) / 8000)),
  )
  const file = join(folder, 'tone.al')
  writeFileSync(file, aLaw.encode(samples))
  return file
}

interface AudioVerdict {
  sent: number
  returned: number
  altered: number
}

/**
 * Compares what the phones sent with what came back to them: the far end echoes it, so it crossed the relay twice,
 * once out of SRTP. Every phone plays the same file, so each packet that returns must be one that was sent.
 */
function judgeAudio(datagrams: Datagram[]): AudioVerdict {
  const fromPhone = (port: number): boolean => port >= audioPorts.min && port <= audioPorts.max
  const audio = datagrams.filter(
    ({ payload }) => payload.length === 172 && ((payload[1] as number) & 0x7f) === 8,
  )
  const sent = audio.filter(({ sourcePort }) => fromPhone(sourcePort))
  const phonePorts = new Set(sent.map(({ sourcePort }) => sourcePort))
  const returned = audio.filter(({ destinationPort }) => phonePorts.has(destinationPort))
  const known = new Set(sent.map(({ payload }) => payload.toString('latin1', 12)))
  const altered = returned.filter(({ payload }) => !known.has(payload.toString('latin1', 12)))
  return { sent: sent.length, returned: returned.length, altered: altered.length }
}

async function main(): Promise<boolean> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'branchline-load-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const ca = await makeCa('Load test CA')
  const save = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }
  const caFile = save('ca.pem', ca.rootPem)
  const trunkCertificate = await ca.issue({ names: [trunkName] })
  const boxCertificate = await ca.issue({ names: [boxName] })

  const farPort = await freePort()
  const far = startSipp({
    scenario: answerScenario({ srtp: true }),
    localPort: farPort,
    mediaPort: await freeMediaPort(),
    extra: ['-rtp_echo'],
  })
  stack.defer(async () => void (await far.stop()))
  const kamailio = await startKamailioTrunk({
    caFile,
    certificateFile: save('trunk.pem', trunkCertificate.certificatePem),
    keyFile: save('trunk.key', trunkCertificate.keyPem),
    forwardTo: { host: '127.0.0.1', port: farPort },
  })
  stack.defer(() => kamailio.stop())

  const box = await Box.prepare({
    lab: false,
    settings: {
      tenant: {
        kind: 'microsoft',
        tenantId,
        clientId: '22222222-2222-2222-2222-222222222222',
        sbcFqdn: boxName,
        certificateFile: save('box.pem', boxCertificate.certificatePem),
        keyFile: save('box.key', boxCertificate.keyPem),
        trunkHosts: [{ name: trunkName, port: kamailio.port, address: '127.0.0.1' }],
        trunkCaFile: caFile,
      },
    },
  })
  stack.defer(() => box.remove())
  stack.defer(async () => void (await box.stop()))
  const lines = await seedLines(box.dataDir, phones, tenantId)
  await box.start()
  await box.logIn()
  const target = `127.0.0.1:${box.ports.udp}`

  const fields = lines.map(({ username, password }, index) => [
    username,
    authenticationField(username, password),
    `+4940${String(1_000_000 + index)}`,
  ])
  const registered = await startSipp({
    scenario: registerScenario(),
    fields,
    localPort: await freePort(),
    target,
    rate: 100,
    calls: phones,
  }).done
  console.log(
    `registrations: ${registered.successful} ok, ${registered.failed} failed, ${registered.retransmissions} retransmissions`,
  )
  await until('the trunk is up', 30_000, async () => {
    const { trunks } = await box.json<{ trunks: { state: string }[] }>('/api/trunks')
    return trunks.some(({ state }) => state === 'up') ? true : undefined
  })

  const capture = await new Capture().start(audioPorts.min, audioPorts.max)
  const withAudio = Math.round(calls * audioShare)
  const runCalls = async (count: number, rate: number, mediaPort: number, audio: boolean) => {
    const scenario = callScenario({ talkMs, ...(audio ? { audioFile: audioFile(folder) } : {}) })
    return startSipp({
      scenario,
      fields,
      localPort: await freePort(),
      target,
      rate,
      calls: count,
      mediaPort,
    }).done
  }
  const startedMs = performance.now()
  const [silent, speaking] = await Promise.all([
    runCalls(calls - withAudio, callsPerS * (1 - audioShare), await freeMediaPort(), false),
    runCalls(withAudio, callsPerS * audioShare, audioPorts.min, true),
  ])
  const seconds = (performance.now() - startedMs) / 1000
  const audio = judgeAudio(await capture.stop())

  const successful = silent.successful + speaking.successful
  const failed = silent.failed + speaking.failed
  // Ended transactions linger for 64 T1 to absorb repeats (RFC 3261 17, 6026); the trunk's OPTIONS come and go.
  const counters = await until('nothing is left', 45_000, async () => {
    const now = await box.json<Record<string, number>>('/api/counters')
    const gone = ['media.sessions', 'calls.live', 'sip.dialogsAlive', 'sip.serverTransactionsAlive']
    return gone.every((name) => now[name] === 0) ? now : undefined
  }).catch(async () => box.json<Record<string, number>>('/api/counters'))
  const farResult = await far.stop()

  console.log(`calls: ${successful} ok, ${failed} failed in ${seconds.toFixed(1)} s`)
  console.log(
    `retransmissions: phones ${silent.retransmissions + speaking.retransmissions}, far end ${farResult.retransmissions}, box ${counters['sip.retransmissionsSent']}`,
  )
  console.log(
    `audio: ${withAudio} calls, ${audio.sent} packets sent, ${audio.returned} came back through SRTP, ${audio.altered} altered, ` +
      `${(100 * (1 - audio.returned / Math.max(1, audio.sent))).toFixed(2)} % missing (tcpdump missed ${capture.missed})`,
  )
  console.log('counters at the end:')
  for (const [name, value] of Object.entries(counters).sort()) console.log(`  ${name} ${value}`)

  const problems = [
    [failed === 0 && successful === calls, 'not every call succeeded'],
    [registered.failed === 0, 'a registration failed'],
    [
      silent.retransmissions + speaking.retransmissions + farResult.retransmissions === 0,
      'a peer had to repeat itself',
    ],
    [counters['sip.retransmissionsSent'] === 0, 'the box repeated itself'],
    [
      counters['media.sessions'] === 0 && counters['media.portsInUse'] === 0,
      'media sessions or ports leaked',
    ],
    [counters['sip.dialogsAlive'] === 0, 'dialogs leaked'],
    [counters['sip.serverTransactionsAlive'] === 0, 'transactions leaked'],
    [audio.sent >= withAudio * (talkMs / 20) * 0.95, 'the phones did not send audio on every call'],
    [audio.returned >= audio.sent * 0.99 && audio.altered === 0, 'audio was lost or altered'],
  ] as const
  for (const [held, text] of problems) if (!held) console.log(`! ${text}`)
  if (failed > 0)
    console.log(speaking.errors.slice(0, 3000), silent.errors.slice(0, 3000), box.output.slice(-3000))
  const bad = problems.filter(([held]) => !held).length
  console.log(`\n${problems.length - bad} passed, ${bad} failed`)
  return bad === 0
}

// The echo of the last packets may still be on its way when a phone hangs up: that is what the 1 % is for.
process.exitCode = (await main()) ? 0 : 1
