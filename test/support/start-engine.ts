import type Srf from 'drachtio-srf'
import type { Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { systemRandom } from '#src/base/random.ts'
import { startEngine, type Engine } from '#src/engine/engine.ts'
import type { EngineOptions } from '#src/engine/options.ts'
import { connectDrachtio, connectEmbedded } from '#src/pbx/connect-srf.ts'

/** A running engine with its application, all on loopback and ports of the system's choice. */
export interface TestEngine {
  engine: Engine
  srf: Srf
  udpPort: number
  tcpPort: number
  /** 0 when no TLS listener was asked for. */
  tlsPort: number
}

/** Options for loopback: UDP and TCP on free ports, the standard timers. */
export function testEngineOptions(overrides: Partial<EngineOptions> = {}): EngineOptions {
  return {
    listen: [
      { protocol: 'udp', host: '127.0.0.1', port: 0 },
      { protocol: 'tcp', host: '127.0.0.1', port: 0 },
    ],
    outboundTls: [],
    staticHosts: [],
    limits: {
      maxMessageBytes: 65_536,
      maxHeaderBytes: 32_768,
      maxConnections: 1000,
      maxConnectionsPerSource: 500,
      halfMessageTimeoutMs: 10_000,
      idleTimeoutMs: 600_000,
    },
    timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 },
    door: undefined,
    userAgent: undefined,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    ...overrides,
  }
}

/** Starts an engine without an application; stopped when the test ends. */
export async function startBareEngine(t: Test, overrides: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await startEngine(testEngineOptions(overrides))
  t.teardown(() => engine.stop())
  return engine
}

/**
 * Starts an engine and joins drachtio-srf to it: in memory, or over the TCP door when `overrides.door` is set.
 * Everything stops when the test ends.
 */
export async function startTestEngine(t: Test, overrides: Partial<EngineOptions> = {}): Promise<TestEngine> {
  const engine = await startEngine(testEngineOptions(overrides))
  const srf = engine.door
    ? await connectDrachtio({ ...engine.door, secret: overrides.door?.secret ?? '' })
    : await connectEmbedded(engine.openMemoryLink())
  t.teardown(async () => {
    srf.disconnect()
    await engine.stop()
  })
  return {
    engine,
    srf,
    udpPort: portOf(engine, 'udp'),
    tcpPort: portOf(engine, 'tcp'),
    tlsPort: portOf(engine, 'tls'),
  }
}

/** The port of the first listener of a protocol, 0 when there is none. */
export function portOf(engine: Engine, protocol: string): number {
  return engine.listeners.find((listener) => listener.protocol === protocol)?.port ?? 0
}
