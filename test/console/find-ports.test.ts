import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findSerialPorts } from '#src/console/find-ports.ts'

t.test(
  'real UARTs, built-in ones first; no ghosts, no other terminals, none that may not be opened',
  async (t) => {
    const root = t.testdir({
      sys: {
        tty: {},
        tty1: {},
        console: {},
        ptmx: {},
        ttyS0: { type: '4\n' },
        ttyS1: { type: '0\n' },
        ttyS10: { type: '4\n' },
        ttyS2: { type: '4\n' },
        ttyUSB0: {},
        ttyACM0: {},
        ttyAMA0: { type: '32\n' },
        ttyUSB1: {},
        printk: {},
      },
      dev: Object.fromEntries(
        ['tty1', 'ttyS0', 'ttyS1', 'ttyS10', 'ttyS2', 'ttyUSB0', 'ttyACM0', 'ttyAMA0'].map((n) => [n, '']),
      ),
    })
    const paths = { sysClassTty: join(root, 'sys'), dev: join(root, 'dev') }
    const names = async (): Promise<string[]> =>
      (await findSerialPorts(paths)).map((path) => path.slice(root.length + 5))
    t.strictSame(await names(), ['ttyS0', 'ttyS2', 'ttyS10', 'ttyAMA0', 'ttyACM0', 'ttyUSB0'])
    writeFileSync(join(root, 'dev', 'ttyUSB1'), '')
    t.ok((await names()).includes('ttyUSB1'), 'plugged in later')
    rmSync(join(root, 'sys', 'ttyUSB0'), { recursive: true })
    t.notOk((await names()).includes('ttyUSB0'), 'and pulled')
    mkdirSync(join(root, 'sys', 'ttyS99'))
    t.notOk((await names()).includes('ttyS99'), 'without a device there is nothing to open')
  },
)

t.test('a machine without any', async (t) => {
  t.strictSame(await findSerialPorts({ sysClassTty: '/nowhere', dev: '/nowhere' }), [])
})
