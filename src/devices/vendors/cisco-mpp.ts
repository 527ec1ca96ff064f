import type { ProductLine } from '../definition.ts'

/** Cisco desk and conference phones with multiplatform firmware. */
export const ciscoMpp: ProductLine = {
  vendor: 'Cisco',
  family: 'cisco-mpp',
  kind: 'phone',
  models: [
    { model: '8832', minimum: '11.3.5MPP', approved: '11.3.5MPP' },
    { model: '6821', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '7811', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '7821', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '7841', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '7861', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '8811', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '8841', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '8845', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '8851', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '8861', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
    { model: '8865', minimum: '11.1.1MPP', approved: '11-3-3MPP' },
  ],
}
