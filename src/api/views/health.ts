import type { TrunkHealth } from '#src/pbx/ports.ts'
import type { ApiContext } from '../context.ts'
import type { HealthView, TrunkView } from '../schema/health.ts'

/** How the box is, now. */
export function viewHealth(context: ApiContext): HealthView {
  const health = context.options.health()
  return {
    state: health.state,
    version: health.version,
    lab: health.lab,
    uptimeS: Math.floor((context.options.clock.monotonicMs() - context.startedAtMs) / 1000),
    parts: health.parts.map((part) => ({
      name: part.name,
      state: part.state,
      detail: part.detail,
      advice: part.advice ?? null,
    })),
  }
}

/** A trunk as the page shows it. */
export function viewTrunk(trunk: TrunkHealth): TrunkView {
  return {
    name: trunk.name,
    state: trunk.state,
    hosts: trunk.hosts.map((host) => ({
      name: host.name,
      up: host.up,
      lastOkAtMs: host.lastOkAtMs ?? null,
      lastError: host.lastError ?? null,
    })),
  }
}
