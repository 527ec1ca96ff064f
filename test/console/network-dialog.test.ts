import t from 'tap'
import { answerDialog, askDialog, newDialog, type NetworkDialog } from '#src/console/network-dialog.ts'
import type { NetworkConfiguration, NetworkView } from '#src/host/network/ports.ts'

const port = (name: string, address: string) => ({
  ...{ name, mac: undefined, link: 'up' as const, physical: !name.includes('vlan') },
  addresses: address === '' ? [] : [{ address, prefixLength: 24, family: 4 as const }],
})

function view(ports: ReturnType<typeof port>[], configured?: NetworkConfiguration): NetworkView {
  const system = { interfaces: ports, gateways: ['192.0.2.1'], dns: ['192.0.2.53', 'fe80::1', '127.0.0.53'] }
  return { supported: true, system, configured, trial: undefined, lastFailure: undefined }
}

const phonesStay = [
  'Phones that this box has configured know it by its present address: with',
  'another one they find it again only after a factory reset of the phone.',
]

/** Answers one question after the other; returns what is wanted in the end, and what was said on the way. */
function answer(dialog: NetworkDialog, ...answers: string[]) {
  const said: string[] = []
  let now = dialog
  for (const text of answers) {
    const step = answerDialog(now, text)
    if (!('next' in step)) return { step, said }
    now = step.next
    said.push(...step.say)
  }
  return { step: { next: now }, said }
}

t.test('Enter keeps what is in force', async (t) => {
  const dialog = newDialog('static', view([port('eth0', '192.0.2.7')]))
  t.equal(askDialog(dialog), 'Address of the box [192.0.2.7]: ')
  t.strictSame(answer(dialog, '', '', '', '', '', 'yes'), {
    step: {
      wanted: {
        ...{ mode: 'static', address: '192.0.2.7', prefixLength: 24 },
        // Name servers that only this machine reaches are not offered.
        ...{ gateway: '192.0.2.1', dns: ['192.0.2.53'] },
      },
    },
    said: phonesStay,
  })
})

t.test('what was confirmed before is offered again', async (t) => {
  const configured: NetworkConfiguration = {
    ...{
      mode: 'static',
      address: '198.51.100.4',
      prefixLength: 28,
      gateway: null,
      dns: [],
      vlan: 9,
      interface: 'eth1',
    },
  }
  const dialog = newDialog(
    'static',
    view([port('eth0', '192.0.2.7'), port('eth1', ''), port('vlan9', '')], configured),
  )
  t.equal(askDialog(dialog), 'Network port (eth0, eth1) [eth1]: ')
  t.strictSame(answer(dialog, '', '', '', '', '', '', 'YES').step, { wanted: configured })
})

t.test('with several ports one has to be named, with one port not', async (t) => {
  const dialog = newDialog('dhcp', view([port('eth0', ''), port('eth1', '')]))
  t.strictSame(answer(dialog, 'eth7', 'eth1', '30', 'yes'), {
    step: { wanted: { mode: 'dhcp', interface: 'eth1', vlan: 30 } },
    said: ['There is no network port eth7.', ...phonesStay],
  })
  const single = newDialog('dhcp', view([port('eth0', '')]))
  t.equal(askDialog(single), 'VLAN 1-4094, or none [none]: ')
  t.strictSame(answer(single, 'none', 'yes').step, { wanted: { mode: 'dhcp' } })
})

t.test('an address that the VLAN has, a machine that has none', async (t) => {
  t.match(
    askDialog(newDialog('static', view([port('eth0', ''), port('vlan9', '192.0.2.8')]))),
    /\[192\.0\.2\.8\]/,
  )
  const dialog = newDialog('static', view([port('eth0', '')]))
  t.equal(askDialog(dialog), 'Address of the box: ')
  t.match(answer(dialog, '').said, [/not an IPv4 address/])
})

/** Question, answer, and what must be said to it. */
const refused: [string[], string, RegExp][] = [
  [[], 'box', /box is not an IPv4 address/],
  [[], '192.0.2.9/33', /33 is no prefix length/],
  [[], '192.0.2.9/255.0.255.0', /no prefix length/],
  [[], '192.0.2.0/24', /name of its network/],
  [['192.0.2.9'], '31', /1 to 30/],
  [['192.0.2.9'], 'big', /no mask/],
  [['192.0.2.9/24'], '10.0.0.1', /not in the network/],
  [['192.0.2.9/24', 'none'], 'one.one.one.one', /not an IPv4 address/],
  [['192.0.2.9/24', 'none'], '1.1.1.1 8.8.8.8 9.9.9.9 4.4.4.4', /At most 3/],
  [['192.0.2.9/24', '-', 'no'], '4095', /1 to 4094/],
  [['192.0.2.9/24', '-', 'no'], 'guest', /1 to 4094/],
]

t.test('wrong answers are explained, and the question comes again', async (t) => {
  for (const [before, wrong, sentence] of refused) {
    const dialog = newDialog('static', view([port('eth0', '192.0.2.7')]))
    const there = answer(dialog, ...before)
    const at = (there.step as { next: NetworkDialog }).next
    const step = answerDialog(at, wrong)
    t.match(step, { next: at, say: [sentence] }, `${before.join(' ')} ${wrong}`)
  }
  t.equal(refused.length, 11)
})

t.test('anything but yes gives it up', async (t) => {
  const dialog = newDialog('dhcp', view([port('eth0', '')]))
  for (const text of ['', 'y', 'no', 'yes please'])
    t.strictSame(answer(dialog, '', text).step, { given: 'up' }, text)
})
