import type { ProductLine } from '../definition.ts'

/** Poly VVX desk phones and Trio conference phones with UC Software. */
export const polyVvxTrio: ProductLine = {
  vendor: 'Poly',
  family: 'poly-ucs',
  kind: 'phone',
  models: [
    { model: 'Trio 8500', minimum: '5.9.5.3182', approved: '7.1.1.0997' },
    { model: 'Trio 8800', minimum: '5.9.5.3182', approved: '7.1.1.0997' },
    { model: 'VVX150', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX201', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX250', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX300', minimum: '5.9.5', approved: '5.9.6.2327' },
    { model: 'VVX301', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX310', minimum: '5.9.5', approved: '5.9.6.2327' },
    { model: 'VVX311', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX350', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX400', minimum: '5.9.5', approved: '5.9.6.2327' },
    { model: 'VVX401', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX410', minimum: '5.9.5', approved: '5.9.6.2327' },
    { model: 'VVX411', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX450', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX500', minimum: '5.9.5', approved: '5.9.6.2327' },
    { model: 'VVX501', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
    { model: 'VVX600', minimum: '5.9.5', approved: '5.9.6.2327' },
    { model: 'VVX601', minimum: '5.9.5', approved: '6.3.1.8427', e911: 'dynamic' },
  ],
}
