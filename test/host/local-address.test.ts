import { isIP } from 'node:net'
import t from 'tap'
import { createLocalAddressFinder, listLocalAddresses } from '#src/host/local-address.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

t.test('lists addresses once each, loopback after the others', async (t) => {
  const addresses = listLocalAddresses()
  t.ok(addresses.includes('127.0.0.1'))
  t.equal(new Set(addresses).size, addresses.length)
  t.ok(addresses.every((address) => isIP(address) !== 0 && !address.startsWith('fe80')))
  const firstLoopback = addresses.indexOf('127.0.0.1')
  t.ok(addresses.slice(firstLoopback).every((address) => /^(127\.|::1)/.test(address)))
})

t.test('a peer on loopback is reached from loopback, by address and by name', async (t) => {
  const finder = createLocalAddressFinder({ clock: new FakeClock(), listen: '0.0.0.0' })
  t.equal(await finder.toward('127.0.0.9'), '127.0.0.1')
  t.match(await finder.toward('localhost'), /^(127\.0\.0\.1|::1)$/)
})

t.test('a box that listens on one address always shows that one', async (t) => {
  const finder = createLocalAddressFinder({ clock: new FakeClock(), listen: '127.0.0.7' })
  t.equal(await finder.toward('192.0.2.1'), '127.0.0.7')
})

t.test('without a route or a name it is the first address, and asked again the next time', async (t) => {
  let asked = 0
  const finder = createLocalAddressFinder({
    clock: new FakeClock(),
    listen: '0.0.0.0',
    listAddresses() {
      asked++
      return ['198.51.100.4']
    },
  })
  // An IPv4 socket cannot be connected to the limited broadcast address without asking for it.
  t.equal(await finder.toward('255.255.255.255'), '198.51.100.4')
  t.equal(await finder.toward('255.255.255.255'), '198.51.100.4')
  t.equal(await finder.toward('no such name'), '198.51.100.4')
  t.equal(asked, 3)
})

t.test('answers are shared and kept for half a minute', async (t) => {
  const clock = new FakeClock()
  const finder = createLocalAddressFinder({ clock, listen: '0.0.0.0' })
  const first = finder.toward('127.0.0.1')
  t.equal(finder.toward('127.0.0.1'), first, 'asked once while it is on its way')
  await first
  clock.advance(29_999)
  t.equal(finder.toward('127.0.0.1'), first)
  clock.advance(1)
  const second = finder.toward('127.0.0.1')
  t.not(second, first)
  t.equal(await second, '127.0.0.1')
})

t.test('however many peers ask, only so many answers are kept', async (t) => {
  const finder = createLocalAddressFinder({ clock: new FakeClock(), listen: '0.0.0.0' })
  const first = finder.toward('127.0.0.1')
  await first
  for (let index = 0; index < 1_000; index++) {
    await finder.toward(`127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`)
  }
  t.not(finder.toward('127.0.0.1'), first, 'the oldest went')
})
