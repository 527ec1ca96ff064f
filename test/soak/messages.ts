export type ToSoaked = { kind: 'figures' }

export type FromSoaked =
  { kind: 'ready'; udp: number } | { kind: 'figures'; dialogs: number; transactions: number }
