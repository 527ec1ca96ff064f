export type ToSoaked = { kind: 'figures' }

/** Heap in bytes, after garbage collection. */
export type FromSoaked =
  | { kind: 'ready'; udp: number }
  | { kind: 'figures'; heapUsed: number; dialogs: number; transactions: number }
