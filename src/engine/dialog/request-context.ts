import type { ChurningMap } from '#src/base/churning-map.ts'
import type { UserAgentContext } from './context.ts'
import type { UacRequest } from './uac-request.ts'
import type { UasRequest } from './uas-request.ts'

/** The context of those who start requests and look them up; the requests see their tables only as `OpenTable`. */
export interface RequestContext extends UserAgentContext {
  readonly serving: ChurningMap<string, UasRequest>
  readonly asking: ChurningMap<string, UacRequest>
}
