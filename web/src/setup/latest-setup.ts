import type { SetupView } from '#src/api/schema/setup.ts'

type Listener = (setup: SetupView) => void
const listeners = new Set<Listener>()

/** Tells whoever shows something of the setup what was read last. */
export function tellSetup(setup: SetupView): void {
  for (const listener of listeners) listener(setup)
}

/** Listens until the returned function is called. */
export function onSetup(listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
