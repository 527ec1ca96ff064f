import type { ProductLine } from '../definition.ts'

/** AudioCodes 400HD and RX phones. The train of the approved firmware (2.x or 3.x) decides the family. */
export const audioCodes400Hd: ProductLine = {
  vendor: 'AudioCodes',
  family: 'audc-3x',
  kind: 'phone',
  models: [
    { model: '405', minimum: '2.2.8', approved: '2.2.16.570', e911: 'dynamic', family: 'audc-2x' },
    { model: '405HD', minimum: '3.2.1', approved: '2.2.16.570', e911: 'dynamic', family: 'audc-2x' },
    { model: '420HD', minimum: '3.2.1', approved: '2.2.16.570', e911: 'dynamic', family: 'audc-2x' },
    { model: '430HD', minimum: '3.2.1', approved: '2.2.16.570', e911: 'dynamic', family: 'audc-2x' },
    { model: '440HD', minimum: '3.2.1', approved: '2.2.16.570', e911: 'dynamic', family: 'audc-2x' },
    { model: '450HD', minimum: '3.2.1', approved: '3.4.6.687', e911: 'dynamic' },
    { model: 'C450HD', minimum: '3.2.1', approved: '3.4.6.687', e911: 'dynamic' },
    { model: '445HD', minimum: '3.2.1', approved: '3.4.6.687', e911: 'dynamic' },
    { model: 'RX50', minimum: '3.2.1', approved: '3.4.6.687', e911: 'dynamic' },
  ],
}
