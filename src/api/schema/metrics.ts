import { Type, type Static } from 'typebox'
import { moment, nullable } from './common.ts'

/** Whether there is a metrics token. */
export const metricsTokenView = Type.Object({ madeAtMs: nullable(moment) })
export type MetricsTokenView = Static<typeof metricsTokenView>

/** A metrics token that was just made; never shown again. */
export const metricsTokenMade = Type.Object({ token: Type.String(), madeAtMs: moment })
export type MetricsTokenMade = Static<typeof metricsTokenMade>
