import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { request, TableWorld, type Effect } from './table-world.ts'

/**
 * Every state, event and timer of the four machines, driven through the real layer. What has to happen stands in
 * state-tables.txt; machines.test.ts judges the pure machines by themselves.
 */
interface Machine {
  states: Record<string, (w: TableWorld) => void>
  events: Record<string, (w: TableWorld) => void>
}

const timerNames = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'T', 'U'] as const
const otherBranch = 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother'

const clientEvents: Machine['events'] = {
  '1xx': (w) => w.answer(180),
  '2xx': (w) => w.answer(200),
  '3-6xx': (w) => w.answer(486),
  foreignBranch: (w) => w.answer(200, (answer) => answer.headers.set('Via', otherBranch)),
  foreignMethod: (w) => w.answer(200, (answer) => answer.headers.set('CSeq', '1 BYE')),
  broken: (w) => w.client?.transportError(),
  closed: (w) => w.client && w.layer.flowClosed(w.client.flow),
  stop: (w) => w.layer.stop(),
}

const serverEvents: Machine['events'] = {
  again: (w) => w.servers[0] && w.receive(w.servers[0].request),
  'send 1xx': (w) => w.respond(180),
  'send 2xx': (w) => w.respond(200),
  'send 3-6xx': (w) => w.respond(486),
  'send 401': (w) => w.respond(401),
  ACK: (w) => w.receive(request('ACK')),
  'ACK own': (w) => w.receive(request('ACK', 'SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKtwo')),
  broken: (w) => w.servers[0]?.transportError(),
  closed: (w) => w.servers[0] && w.layer.flowClosed(w.servers[0].flow),
  stop: (w) => w.layer.stop(),
}

/** An INVITE that has heard 100: at once over a connection, by timer T over UDP. */
function known(w: TableWorld): void {
  w.receive(request('INVITE'))
  w.clock.fire(200)
}

/** Steps in a row. */
function after(...steps: ((w: TableWorld) => unknown)[]): (w: TableWorld) => void {
  return (w) => steps.forEach((step) => void step(w))
}

const invite = (w: TableWorld): void => w.ask('INVITE')
const options = (w: TableWorld): void => w.ask('OPTIONS')
const asked = (w: TableWorld): void => w.receive(request('OPTIONS'))
const acknowledged = (w: TableWorld): void => w.receive(request('ACK'))

const machines: Record<string, Machine> = {
  ic: {
    events: clientEvents,
    states: {
      calling: invite,
      proceeding: after(invite, (w) => w.answer(180)),
      completed: after(invite, (w) => w.answer(486)),
      accepted: after(invite, (w) => w.answer(200)),
      terminated: after(
        invite,
        (w) => w.answer(200),
        (w) => w.clock.fire(32_000),
      ),
    },
  },
  nc: {
    events: clientEvents,
    states: {
      trying: options,
      proceeding: after(options, (w) => w.answer(180)),
      completed: after(options, (w) => w.answer(486)),
      terminated: after(
        options,
        (w) => w.answer(200),
        (w) => w.clock.fire(5000),
      ),
    },
  },
  is: {
    events: serverEvents,
    states: {
      waiting: (w) => w.receive(request('INVITE')),
      proceeding: known,
      ringing: after(known, (w) => w.respond(180)),
      completed: after(known, (w) => w.respond(486)),
      confirmed: after(known, (w) => w.respond(486), acknowledged),
      accepted: after(known, (w) => w.respond(200)),
      terminated: after(
        known,
        (w) => w.respond(486),
        acknowledged,
        (w) => w.clock.fire(5000),
      ),
    },
  },
  ns: {
    events: serverEvents,
    states: {
      trying: asked,
      proceeding: after(asked, (w) => w.respond(180)),
      completed: after(asked, (w) => w.respond(486)),
      terminated: after(
        asked,
        (w) => w.respond(200),
        (w) => w.clock.fire(32_000),
      ),
    },
  },
}

type Table = Map<string, Map<string, string>>

function readTables(): Map<string, { states: string[]; rows: Table }> {
  const tables = new Map<string, { states: string[]; rows: Table }>()
  let current: { states: string[]; rows: Table } | undefined
  for (const line of readFileSync(new URL('state-tables.txt', import.meta.url), 'utf8').split('\n')) {
    const title = /^# (\w\w (?:un)?reliable)$/.exec(line)?.[1]
    const cells = line.split('|').map((cell) => cell.trim())
    if (title) tables.set(title, (current = { states: [], rows: new Map() }))
    else if (!current || line.startsWith('#') || cells.length < 2) continue
    else if (cells[0] === 'event') current.states = cells.slice(1)
    else {
      const { states } = current
      current.rows.set(
        cells[0] as string,
        new Map(states.map((state, index) => [state, cells[index + 1] ?? ''])),
      )
    }
  }
  return tables
}

/** `A=500 B=32000` of a cell, as names and as durations. */
function armedIn(cell: string): { name: string; ms: number }[] {
  return [...cell.matchAll(/(?:^| )(\w)=(\d+)/g)].map((match) => ({
    name: match[1] as string,
    ms: Number(match[2]),
  }))
}

function textOf(effect: Effect, before: Effect | undefined, expected: string): string {
  const still = before && before.state === effect.state && String(before.armed) === String(effect.armed)
  if (still && effect.did.length === 0) return '.'
  // The clock knows durations only; the names are those of the table, where the durations agree.
  const names = armedIn(expected)
  const armed = effect.armed.map((ms) => `${names.find((one) => one.ms === ms)?.name ?? '?'}=${ms}`)
  const order = names.map((one) => `${one.name}=${one.ms}`)
  armed.sort((first, second) => order.indexOf(first) - order.indexOf(second))
  return [effect.state, ...effect.did, ...armed].join(' ')
}

/** Nothing of a transaction that is over stays behind, unless the same request began a new one. */
function checkLeftovers(t: Test, w: TableWorld, effect: Effect, where: string): void {
  if (effect.state !== 'terminated' || effect.did.some((note) => /^\^(?:INVITE|OPTIONS)$/.test(note))) return
  if (effect.armed.length > 0 || w.layer.alive.clients + w.layer.alive.servers > 0)
    t.fail(`${where}: something of a terminated transaction is left`)
}

const tables = readTables()

for (const [name, machine] of Object.entries(machines)) {
  for (const reliable of [false, true]) {
    const title = `${name} ${reliable ? 'reliable' : 'unreliable'}`
    void t.test(title, async (t) => {
      const table = tables.get(title)
      if (!table) throw new Error(`no table for ${title}`)
      const states = Object.keys(machine.states)
      const events = ['begin', ...Object.keys(machine.events), ...timerNames.map((timer) => `timer${timer}`)]
      t.same(table.states, states, 'every state has a column')
      t.same([...table.rows.keys()], events, 'every event has a row')
      let cells = 0
      for (const state of states) {
        const begin = table.rows.get('begin')?.get(state) ?? ''
        for (const event of events) {
          const expected = table.rows.get(event)?.get(state) ?? ''
          const w = new TableWorld(reliable)
          machine.states[state]?.(w)
          const before = w.effect()
          let actual: string
          let effect = before
          if (event === 'begin') actual = textOf(before, undefined, expected)
          else if (event.startsWith('timer')) {
            const armed = armedIn(begin).find((one) => `timer${one.name}` === event)
            if (!armed) actual = '-'
            else {
              t.ok(w.clock.fire(armed.ms), `${state}: ${event} is armed`)
              effect = w.effect()
              actual = textOf(effect, before, expected)
            }
          } else {
            machine.events[event]?.(w)
            effect = w.effect()
            actual = textOf(effect, before, expected)
          }
          if (actual !== expected) t.equal(actual, expected, `${state} with ${event}`)
          checkLeftovers(t, w, effect, `${state} with ${event}`)
          w.layer.stop()
          if (w.clock.armed.length > 0) t.fail(`${state} with ${event}: a timer outlives the layer`)
          cells++
        }
      }
      t.equal(cells, states.length * events.length, 'no cell is left out')
    })
  }
}

void t.test('there is a table for each machine and transport, and none more', async (t) => {
  t.equal(tables.size, 8)
  const cells = [...tables.values()].reduce((sum, table) => sum + table.states.length * table.rows.size, 0)
  // Columns of ic, nc, is and ns, each with begin, its events and 15 timers, twice.
  t.equal(cells, 2 * (5 * 24 + 4 * 24 + 7 * 26 + 4 * 26))
})

void t.test('retransmission timers grow as they must, and the other timer runs on beside them', async (t) => {
  const chain = (begin: (w: TableWorld) => void, lifetimeMs: number): number[] => {
    const w = new TableWorld(false)
    begin(w)
    const seen: number[] = []
    for (let count = 0; count < 7; count++) {
      const [nextMs = 0] = w.clock.armed.filter((ms) => ms !== lifetimeMs)
      seen.push(nextMs)
      w.clock.fire(nextMs)
      t.ok(w.clock.armed.includes(lifetimeMs) || nextMs === lifetimeMs)
    }
    return seen
  }
  // RFC 3261 17.1.1.2: A doubles without limit. B would have ended it before 32000 comes round.
  t.same(chain(invite, 32_000).slice(0, 6), [500, 1000, 2000, 4000, 8000, 16_000])
  // 17.1.2.2: E stops at T2; in Proceeding it is T2 from the next time on.
  t.same(chain(options, 32_000), [500, 1000, 2000, 4000, 4000, 4000, 4000])
  t.same(
    chain(
      after(options, (w) => w.answer(183)),
      32_000,
    ),
    [500, 4000, 4000, 4000, 4000, 4000, 4000],
  )
  // 17.2.1: G stops at T2.
  t.same(
    chain(
      after(known, (w) => w.respond(486)),
      32_000,
    ),
    [500, 1000, 2000, 4000, 4000, 4000, 4000],
  )
})

void t.test(
  'what comes again does not prolong a life: a peer that repeats itself is forgotten all the same',
  async (t) => {
    const again = (machine: string, state: string, event: string, lifetimeMs: number): void => {
      for (const reliable of [false, true]) {
        const w = new TableWorld(reliable)
        machines[machine]?.states[state]?.(w)
        const before = w.clock.armedAs(lifetimeMs)
        // Over a reliable transport some of these states do not exist.
        if (reliable && !before) continue
        t.ok(before, `${machine} ${state}: ${lifetimeMs} ms are armed`)
        machines[machine]?.events[event]?.(w)
        t.equal(w.clock.armedAs(lifetimeMs), before, `${machine} ${state} with ${event}`)
      }
    }
    // RFC 6026 8.4, RFC 3261 17.1.1.2 and 17.1.2.2: M, D, F and K are set on the way into the state, never in it.
    again('ic', 'accepted', '2xx', 32_000)
    again('ic', 'completed', '3-6xx', 32_000)
    again('nc', 'trying', '1xx', 32_000)
    again('nc', 'proceeding', '1xx', 32_000)
    again('nc', 'completed', '2xx', 5000)
    // RFC 6026 7.1, RFC 3261 17.2.1 and 17.2.2: so are L, H, I and J.
    again('is', 'accepted', 'send 2xx', 32_000)
    again('is', 'accepted', 'again', 32_000)
    again('is', 'completed', 'again', 32_000)
    again('is', 'confirmed', 'ACK', 5000)
    again('ns', 'completed', 'again', 32_000)
    // RFC 3261 16.7-2: C is the one that each provisional response sets anew.
    const ringing = new TableWorld(false)
    machines['ic']?.states['proceeding']?.(ringing)
    const before = ringing.clock.armedAs(900_000)
    ringing.answer(183)
    t.ok(ringing.clock.armedAs(900_000))
    t.not(ringing.clock.armedAs(900_000), before)
  },
)
