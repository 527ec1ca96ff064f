import type { ProductLine } from '../definition.ts'

/** Poly Rove DECT: bases and handsets. */
export const polyRove: ProductLine = {
  vendor: 'Poly',
  family: 'poly-rove',
  kind: 'dect-base',
  models: [
    { model: 'Rove B2', minimum: '8.0.3.0009', approved: '8.0.3.0009' },
    { model: 'Rove B4', minimum: '8.0.3.0009', approved: '8.0.3.0009' },
    { model: 'Rove 30', minimum: '8.0.3.0009', approved: '8.0.3.0009', kind: 'dect-handset' },
    { model: 'Rove 40', minimum: '8.0.3.0009', approved: '8.0.3.0009', kind: 'dect-handset' },
  ],
}
