import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Teardown {
  teardown(release: () => void): void
}

/**
 * Node has no datagram sockets in the file system, and socat keeps the descriptor of systemd-notify's barrier open,
 * so that each message would take five seconds. Perl is on every Debian and drops it.
 */
const receiver = `
  use Socket; $| = 1;
  socket(S, PF_UNIX, SOCK_DGRAM, 0) && bind(S, sockaddr_un($ARGV[0])) or die $!;
  print "listening\\n";
  while (defined recv(S, my $message, 65536, 0)) { print "$message\\n" }`

/** A service manager's socket: collects what is sent to it. */
export interface ServiceManager {
  /** For NOTIFY_SOCKET. */
  path: string
  received(): string
  /** Waits for the next messages until they are there. */
  until(done: (received: string) => boolean): Promise<void>
}

/** Listens as systemd does for its services; ends with the test. */
export async function startServiceManager(t: Teardown): Promise<ServiceManager> {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-notify-'))
  const path = join(folder, 'notify')
  const perl = spawn('perl', ['-e', receiver, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => {
    perl.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  let received = ''
  perl.stdout.on('data', (bytes: Buffer) => (received += bytes.toString()))
  const until = async (done: (received: string) => boolean): Promise<void> => {
    while (!done(received)) {
      const ended = once(perl, 'exit').then(() => Promise.reject(new Error('the receiver ended')))
      await Promise.race([once(perl.stdout, 'data'), ended])
    }
  }
  await until((text) => text.includes('listening'))
  return { path, received: () => received, until }
}
