import type { ProductLine } from '../definition.ts'

/** Spectralink IP-DECT servers and the base stations behind them. */
export const spectralinkServers: ProductLine = {
  vendor: 'Spectralink',
  family: 'spectralink-server',
  kind: 'dect-server',
  models: [
    { model: 'IP-DECT Server 200', minimum: 'PCS22Ab', approved: 'PCS22Ab', remarks: 'IP-DECT Server' },
    { model: 'IP-DECT Server 400', minimum: 'PCS22Ab', approved: 'PCS22Ab', remarks: 'IP-DECT Server' },
    { model: 'IP-DECT Server 6500', minimum: 'PCS22Ab', approved: 'PCS22Ab', remarks: 'IP-DECT Server' },
    {
      model: 'Virtual IP-DECT Server One',
      minimum: 'PCS22Ab',
      approved: 'PCS22Ab',
      remarks: 'IP-DECT Server',
    },
    {
      model: 'IP-DECT Base Station',
      minimum: 'PCS22Ab',
      approved: 'PCS22Ab',
      remarks: 'IP-DECT Server',
      kind: 'dect-base',
    },
  ],
}
