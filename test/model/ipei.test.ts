import t from 'tap'
import { isWeakAccessCode, makeAccessCode } from '#src/dect/access-code.ts'
import { formatIpei, ipeiCheckCharacter, readIpei } from '#src/model/ipei.ts'
import { systemRandom } from '#src/base/random.ts'

t.test('an IPEI is read in every form that it is printed in', async (t) => {
  const forms = [
    '5700507820687',
    '57005 0782068 7',
    '57005-0782068-7',
    ' 57005 07820687\t',
    '57005\u00a00782068\u00a07',
    '57005 0782068',
  ]
  for (const form of forms) t.strictSame(readIpei(form), { ipei: '5700507820687' }, JSON.stringify(form))
  t.equal(formatIpei('5700507820687'), '57005 0782068 7')
})

t.test('the check character is the weighted sum modulo 11, ten is a star (EN 300 175-6)', async (t) => {
  // 5*1 + 7*2 + 5*5 + 7*7 + 8*8 + 2*9 + 6*11 + 8*12 = 337 = 30*11 + 7
  t.equal(ipeiCheckCharacter('570050782068'), '7')
  t.equal(ipeiCheckCharacter('000000000000'), '0')
  t.equal(ipeiCheckCharacter('000000000100'), '*', '1*10')
  t.strictSame(readIpei('00000 0000100 *'), { ipei: '000000000100*' })
  t.match(readIpei('00000 0000100 0').problem, /should be \*/)
})

// The eleventh digit counts eleven times, which is nothing modulo 11: EN 300 175-6 does not protect it.
const unprotected = 10

t.test('a wrong digit is noticed', async (t) => {
  const right = '5700507820687'
  let wrong = 0
  for (let place = 0; place < 12; place++) {
    for (let digit = 0; digit < 10; digit++) {
      if (Number(right[place]) === digit || place === unprotected) continue
      const text = right.slice(0, place) + String(digit) + right.slice(place + 1)
      if (readIpei(text).problem === undefined) t.fail(`${text} was taken`)
      wrong++
    }
  }
  t.equal(wrong, 99)
  t.match(readIpei('75005 0782068 7').problem, /first five digits|does not fit/)
})

t.test('what is no IPEI is refused with a sentence', async (t) => {
  const table: [string, RegExp][] = [
    ['', /missing/],
    [' - ', /missing/],
    ['57005 078206', /12 digits and a check character; this has 11/],
    ['57005 0782068 77', /this has 14/],
    ['*7005 0782068 7', /12 digits/],
    ['0DEAD BEEF00', /digits only/],
    ['５７００５０７８２０６８', /digits only/],
    ['99999 0782068', /at most 65535/],
    ['57005 9999999', /at most 1048575/],
    ['5'.repeat(41), /too long/],
    [`57005${' '.repeat(1_000_000)}0782068`, /too long/],
  ]
  for (const [text, problem] of table) t.match(readIpei(text).problem, problem, text.slice(0, 40))
})

t.test('an access code is random, has six digits and is none that somebody tries first', async (t) => {
  const codes = new Set<string>()
  for (let index = 0; index < 500; index++) codes.add(makeAccessCode(systemRandom))
  t.ok(codes.size > 490, `${codes.size} of 500 differ`)
  for (const code of codes) if (!/^\d{6}$/.test(code) || isWeakAccessCode(code)) t.fail(code)
  for (const weak of ['0000', '000000', '1234', '123456', '654321', '890123', '1', '']) {
    t.ok(isWeakAccessCode(weak), weak)
  }
  for (const good of ['482910', '1235', '112233']) t.notOk(isWeakAccessCode(good), good)
  const answers = ['000000', '123456', '482910']
  t.equal(makeAccessCode({ digits: () => answers.shift() ?? '' }), '482910', 'weak ones are thrown away')
})
