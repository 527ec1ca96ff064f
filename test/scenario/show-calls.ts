// npm run show:calls [-- --media rtpengine]: the box with real phones (Debian's baresip), one line per call.
import { parseArgs } from 'node:util'
import { Capture, type Datagram } from '#test/peers/capture.ts'
import { startRtpengine } from '#test/support/rtpengine.ts'
import { Box } from '#test/support/box.ts'
import { Lab } from '#test/support/lab.ts'
import { percent, runs, tones, type Office, type RunResult } from './call-runs.ts'
import { addPhone, allowSipDevices, plugIn, signIn } from './office.ts'

const { values } = parseArgs({ options: { media: { type: 'string', default: 'embedded' } } })
const mediaPorts = { portMin: 22000, portMax: 22999 }

/** RTP to or from the Teams side of the relay, told by size: 160 bytes of G.711 and 12 of header, plus 10 of SRTP tag. */
function wireVerdict(datagrams: Datagram[]): { srtp: number; plain: number } {
  const counts = { srtp: 0, plain: 0 }
  for (const { payload } of datagrams) {
    if (payload.length === 182 && (payload[0] as number) >> 6 === 2) counts.srtp++
    if (payload.length === 172 && (payload[0] as number) >> 6 === 2) counts.plain++
  }
  return counts
}

function printRun(result: RunResult): void {
  console.log(`${result.problems.length === 0 ? 'ok    ' : 'FAILED'} ${result.name}`)
  for (const { name, expectedHz, heard } of result.directions) {
    const found = heard
      ? `${Math.round(heard.hz)} Hz at ${heard.levelDbfs.toFixed(1)} dBFS, ${percent(1 - heard.continuity)} missing, ${heard.seconds.toFixed(1)} s`
      : 'nothing'
    console.log(`         ${name}: ${expectedHz} Hz sent, heard ${found}`)
  }
  for (const note of result.notes) console.log(`         ${note}`)
  for (const problem of result.problems) console.log(`       ! ${problem}`)
}

async function openOffice(stack: AsyncDisposableStack): Promise<Office> {
  const media: Record<string, unknown> = { relay: values.media, ...mediaPorts }
  if (values.media === 'rtpengine') {
    const rtpengine = await startRtpengine(mediaPorts)
    stack.defer(() => rtpengine.stop())
    media['rtpengine'] = { host: '127.0.0.1', port: rtpengine.port }
  }
  const box = await Box.prepare({ lab: true, settings: { media, sip: { ringTimeoutS: 6 } } })
  stack.defer(() => box.remove())
  stack.defer(async () => void (await box.stop()))
  await box.start()
  await box.logIn()
  const lab = await Lab.of(box)
  await allowSipDevices(box)
  const lines = {
    anna: await addPhone(box, 'Reception'),
    ben: await addPhone(box, 'Workshop'),
    benSecure: await addPhone(box, 'Meeting room'),
  }
  await signIn(box, lab, lines.anna, 'anna')
  await signIn(box, lab, lines.ben, 'ben')
  await signIn(box, lab, lines.benSecure, 'ben')
  const phone = async (who: keyof typeof lines, secure = false) => {
    const options = secure ? ({ transport: 'tls', mediaEncryption: 'srtp-mand' } as const) : {}
    const started = await plugIn(box, lines[who], { toneHz: tones[who], ...options })
    stack.defer(() => started.stop())
    return started
  }
  return {
    box,
    lab,
    lines,
    anna: await phone('anna'),
    ben: await phone('ben'),
    benSecure: await phone('benSecure', true),
  }
}

async function main(): Promise<number> {
  await using stack = new AsyncDisposableStack()
  console.log(`Calls through the box with the ${values.media} media relay (lab tenant, baresip phones):\n`)
  const office = await openOffice(stack)
  let failed = 0
  for (const run of runs) {
    const result: RunResult = { name: run.name, problems: [], directions: [], notes: [] }
    const capture = run.teamsMedia
      ? await new Capture().start(mediaPorts.portMin, mediaPorts.portMax)
      : undefined
    try {
      await run.go(office, result)
    } catch (error) {
      result.problems.push(error instanceof Error ? error.message : String(error))
    }
    if (capture) {
      // Each packet passes twice, once plain on the phone's leg and once as SRTP on the Teams leg.
      const { srtp, plain } = wireVerdict(await capture.stop())
      result.notes.push(
        `on the wire (tcpdump): ${plain} plain RTP packets (phone leg), ${srtp} SRTP packets (Teams leg)`,
      )
      if (srtp < 100 || Math.abs(srtp - plain) > 0.05 * plain + 5)
        result.problems.push('plain and SRTP packets do not match')
    }
    printRun(result)
    if (result.problems.length > 0) {
      failed++
      if (failed === 1) console.log(office.box.output.split('\n').slice(-60).join('\n'))
    }
  }
  console.log(`\n${runs.length - failed} passed, ${failed} failed`)
  return failed
}

process.exitCode = (await main()) === 0 ? 0 : 1
