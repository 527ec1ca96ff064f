import t from 'tap'
import { mediaAddress } from '#src/pbx/media-address.ts'

t.test(
  'behind NAT a peer is told the address of the settings, the sockets stay where they are',
  async (t) => {
    t.strictSame(mediaAddress('192.0.2.10', '203.0.113.5'), {
      localAddress: '192.0.2.10',
      advertisedAddress: '203.0.113.5',
    })
  },
)

t.test('without such a setting, and on this machine, the address itself is told', async (t) => {
  t.strictSame(mediaAddress('192.0.2.10', undefined), { localAddress: '192.0.2.10' })
  t.strictSame(mediaAddress('127.0.0.1', '203.0.113.5'), { localAddress: '127.0.0.1' })
})
