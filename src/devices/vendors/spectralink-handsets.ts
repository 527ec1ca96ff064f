import type { ProductLine } from '../definition.ts'

/** Spectralink DECT handsets; their firmware comes over the air from the server. */
export const spectralinkHandsets: ProductLine = {
  vendor: 'Spectralink',
  family: 'spectralink-handset',
  kind: 'dect-handset',
  models: [
    { model: '7202', minimum: 'PCS22B', approved: 'PCS22B', remarks: 'Handset' },
    { model: '7212', minimum: 'PCS22B', approved: 'PCS22B', remarks: 'Handset' },
    { model: '7502', minimum: 'PCS22B', approved: 'PCS22B', remarks: 'Handset' },
    { model: '7522', minimum: 'PCS22B', approved: 'PCS22B', remarks: 'Handset' },
    { model: '7532', minimum: 'PCS22B', approved: 'PCS22B', remarks: 'Handset' },
    { model: '7622', minimum: 'PCS22B', approved: 'PCS22B', remarks: 'Handset' },
    { model: '7642', minimum: 'PCS22B', approved: 'PCS22B', remarks: 'Handset' },
    { model: '7722', minimum: 'PCS22B', approved: 'PCS22B', remarks: 'Handset' },
    { model: '7742', minimum: 'PCS22B', approved: 'PCS22B', remarks: 'Handset' },
  ],
}
