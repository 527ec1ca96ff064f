import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { banScript } from '#src/host-agent/ban-script.ts'
import { root } from '#test/house/source-files.ts'

// A network of its own, with a cable between two ends of it: nothing of this machine's rules is touched.
const mayMakeNetworks = spawnSync('unshare', ['-n', 'true']).status === 0
const hasTools = spawnSync('nft', ['--version']).status === 0 && spawnSync('ip', ['-V']).status === 0
const skip = !mayMakeNetworks
  ? 'making a network namespace takes root'
  : !hasTools
    ? 'nft and ip are not installed'
    : false

/** One word for the shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** Runs a shell script in a new network namespace; throws with its words when it fails. */
function inNetwork(script: string): string {
  const run = spawnSync('unshare', ['-n', 'bash', '-euc', script], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  if (run.status !== 0) throw new Error(`${run.stdout}\n${run.stderr}`)
  return run.stdout
}

// The box stands at 203.0.113.1 and 2001:db8:1::1; the peer's end of the cable has several addresses.
const cable = `
  # A namespace that lives as long as a process needs no mount, which is not to be had everywhere.
  unshare -n sleep 20 & peer=$!; trap 'kill $peer' EXIT
  until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
  inside="nsenter -t $peer -n"
  ip link add box type veth peer name far netns $peer
  ip addr add 203.0.113.1/24 dev box; ip -6 addr add 2001:db8:1::1/32 dev box nodad
  ip link set box up; ip link set lo up
  $inside ip addr add 203.0.113.9/24 dev far; $inside ip addr add 203.0.113.10/24 dev far
  $inside ip -6 addr add 2001:db8:1:2::9/32 dev far nodad; $inside ip -6 addr add 2001:db8:1:3::9/32 dev far nodad
  $inside ip link set far up
  nft -f ${join(root, 'systemd/branchline.nft')}
`

/** Sends datagrams and opens connections from each address; prints what arrived, \`address kind count\`. */
const knock = `
cat > /tmp/knock-$$.py <<'PY'
import socket, subprocess, sys, threading, time, collections
got = collections.Counter()
def hear(family, host):
    udp = socket.socket(family, socket.SOCK_DGRAM); udp.bind((host, 5060)); udp.settimeout(0.2)
    tcp = socket.socket(family, socket.SOCK_STREAM); tcp.bind((host, 5060)); tcp.listen(); tcp.settimeout(0.2)
    page = socket.socket(family, socket.SOCK_STREAM); page.bind((host, 443)); page.listen(); page.settimeout(0.2)
    def take(kind, call):
        while not done.is_set():
            try: got[(call(), kind)] += 1
            except TimeoutError: pass
    for kind, call in (('udp', lambda: udp.recvfrom(2000)[1][0]), ('tcp', lambda: tcp.accept()[1][0]), ('page', lambda: page.accept()[1][0])):
        threading.Thread(target=take, args=(kind, call), daemon=True).start()
done = threading.Event()
hear(socket.AF_INET, '203.0.113.1'); hear(socket.AF_INET6, '2001:db8:1::1')
send = '''
import socket, sys
for source in sys.argv[1:]:
    six = ":" in source
    family = socket.AF_INET6 if six else socket.AF_INET
    box = "2001:db8:1::1" if six else "203.0.113.1"
    udp = socket.socket(family, socket.SOCK_DGRAM); udp.bind((source, 0))
    for _ in range(200): udp.sendto(b"x", (box, 5060))
    for port in (5060, 443):
        tcp = socket.socket(family, socket.SOCK_STREAM); tcp.bind((source, 0)); tcp.settimeout(1.5)
        try: tcp.connect((box, port))
        except OSError: pass
'''
peer, *sources = sys.argv[1:]
subprocess.run(['nsenter', '-t', peer, '-n', 'python3', '-c', send, *sources], check=True)
time.sleep(0.5); done.set()
for (address, kind), count in sorted(got.items()): print(address, kind, count)
PY
python3 /tmp/knock-$$.py $peer "$@"; rm -f /tmp/knock-$$.py`

/** What arrives of 200 datagrams, one SIP connection and one to the page from each address, after a change of bans. */
function arrivals(change: Parameters<typeof banScript>[0], sources: string[]): Record<string, number> {
  const script = `${cable}\nnft ${quoted(banScript(change))}\nset -- ${sources.join(' ')}\n${knock}`
  const lines = inNetwork(script).trim().split('\n')
  return Object.fromEntries(
    lines.map((line) => {
      const [address = '', kind = '', count] = line.split(' ')
      return [`${address} ${kind}`, Number(count)]
    }),
  )
}

t.test(
  'who is proven bad reaches no SIP port, but the page; a neighbour reaches all',
  { skip },
  async (t) => {
    const change = {
      flush: true,
      ban: [{ address: '203.0.113.9', reach: 'all' as const, seconds: 60 }],
      lift: [],
    }
    t.strictSame(arrivals(change, ['203.0.113.9', '203.0.113.10']), {
      '203.0.113.9 page': 1,
      '203.0.113.10 udp': 200,
      '203.0.113.10 tcp': 1,
      '203.0.113.10 page': 1,
    })
  },
)

t.test('who may have been forged still connects, and a few datagrams get through', { skip }, async (t) => {
  const change = {
    flush: true,
    ban: [{ address: '203.0.113.9', reach: 'udp' as const, seconds: 60 }],
    lift: [],
  }
  const { '203.0.113.9 udp': datagrams = 0, ...rest } = arrivals(change, ['203.0.113.9'])
  t.ok(datagrams > 0 && datagrams < 60, `${datagrams} of 200 datagrams`)
  t.strictSame(rest, { '203.0.113.9 tcp': 1, '203.0.113.9 page': 1 })
})

t.test('IPv6 is shut out by /64', { skip }, async (t) => {
  const change = {
    flush: true,
    ban: [{ address: '2001:db8:1:2::', reach: 'all' as const, seconds: 60 }],
    lift: [],
  }
  t.strictSame(arrivals(change, ['2001:db8:1:2::9', '2001:db8:1:3::9']), {
    '2001:db8:1:2::9 page': 1,
    '2001:db8:1:3::9 udp': 200,
    '2001:db8:1:3::9 tcp': 1,
    '2001:db8:1:3::9 page': 1,
  })
})

t.test(
  'a ban ends by itself, can be made anew and lifted, and a part that fails undoes the whole',
  { skip },
  async (t) => {
    const ban = (seconds: number) => ({ address: '203.0.113.9', reach: 'all' as const, seconds })
    const again = banScript({ flush: false, ban: [ban(600)], lift: [] })
    const listed = inNetwork(`
    nft -f ${join(root, 'systemd/branchline.nft')}
    nft ${quoted(banScript({ flush: true, ban: [ban(60)], lift: ['198.51.100.1'] }))}
    nft ${quoted(again)}
    nft list set inet branchline banned4 | grep -o 'timeout 10m'
    nft ${quoted(`${banScript({ flush: true, ban: [], lift: [] })}\nadd element inet branchline nowhere { 192.0.2.1 }`)} 2>/dev/null && exit 1
    nft list set inet branchline banned4 | grep -c 203.0.113.9
    nft ${quoted(banScript({ flush: false, ban: [], lift: ['203.0.113.9'] }))}
    nft list set inet branchline banned4 | grep -c 203.0.113.9 || true
    nft ${quoted(banScript({ flush: false, ban: [ban(1)], lift: [] }))}
    sleep 1.5
    nft list set inet branchline banned4 | grep -c 203.0.113.9 || true
  `)
    t.strictSame(listed.trim().split('\n'), ['timeout 10m', '1', '0', '0'])
  },
)
