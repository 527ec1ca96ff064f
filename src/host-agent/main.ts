// The root side of the image, started by branchline-host.path: serves the requests in the folder and ends.
import { parseArgs } from 'node:util'
import { errorText } from '#src/base/errors.ts'
import { LinuxMachine, realPaths } from './linux-machine.ts'
import { RequestFolder } from './request-folder.ts'
import { runCommand } from './run-command.ts'
import { serveRequests } from './serve-requests.ts'

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '/run/branchline/requests' } },
})
const say = (text: string): void => void process.stdout.write(`${text}\n`)

try {
  using folder = RequestFolder.open(values.requests)
  const machine = new LinuxMachine({ paths: realPaths, run: runCommand })
  const served = await serveRequests({ folder, machine, say })
  if (served === 0) say('nothing was asked')
} catch (error) {
  process.stderr.write(`requests cannot be served: ${errorText(error)}\n`)
  process.exitCode = 1
}
