import type { DeviceView } from '../device-view.ts'
import type { Setting } from '../render/cfg-text.ts'
import { screenFiles } from '../screens/screen-files.ts'
import { lineLabel } from './yealink-account.ts'
import { yealinkValues } from './yealink-undocumented.ts'
import { keyWords } from './yealink-words.ts'

/** What a key does, by its number in `linekey.N.type`. */
const keyTypes = {
  none: 0,
  forward: yealinkValues.keyForward,
  doNotDisturb: yealinkValues.keyDoNotDisturb,
  speedDial: 13,
  line: 15,
  xmlBrowser: 27,
  prefix: yealinkValues.keyPrefix,
} as const

interface KeyPlan {
  type: keyof typeof keyTypes
  line?: number
  value?: string
  label?: string
}

/** The key that starts a sign-in, or ends one: the page of the box does the rest. */
function signInKey(view: DeviceView): KeyPlan {
  const words = keyWords(view.site.language)
  const signedIn = view.lines.some((line) => line.signedIn)
  return {
    type: 'xmlBrowser',
    value: view.pageUrl + (signedIn ? screenFiles.signOut : screenFiles.signIn),
    label: signedIn ? words.signOut : words.signIn,
  }
}

/** Keys in order of importance: a phone with two keys gets its line and the sign-in. */
function planKeys(view: DeviceView): KeyPlan[] {
  const words = keyWords(view.site.language)
  const { featureCodes, callForwardingAllowed } = view
  const lines = view.lines.map((line, index): KeyPlan => {
    return { type: 'line', line: index + 1, label: lineLabel(view, line) }
  })
  const first = [...lines, signInKey(view)]
  if (view.stage === 'onboarding') {
    return [...first, { type: 'prefix', line: 1, value: featureCodes.enrol, label: words.enrol }]
  }
  return [
    ...first,
    { type: 'speedDial', line: 1, value: featureCodes.voicemail, label: words.voicemail },
    { type: 'doNotDisturb', label: words.doNotDisturb },
    ...(callForwardingAllowed ? [{ type: 'forward', label: words.forward } as const] : []),
  ]
}

/** Keys beside the display that we ever give a meaning to; those not in use are cleared. */
const keysOfOurs = 6

/** The keys beside the display, as far as the model has any. */
export function lineKeys(view: DeviceView, available: number): Setting[] {
  const plans = planKeys(view)
  const count = Math.min(available, Math.max(keysOfOurs, plans.length))
  return Array.from({ length: count }, (_, index) => index + 1).flatMap((number): Setting[] => {
    const plan: KeyPlan = plans[number - 1] ?? { type: 'none' }
    return [
      [`linekey.${number}.type`, keyTypes[plan.type]],
      [`linekey.${number}.line`, plan.line],
      [`linekey.${number}.value`, plan.value],
      [`linekey.${number}.label`, plan.label],
    ]
  })
}

/** The same sign-in on an idle soft key, for phones without a spare key beside the display. */
export function idleSoftKey(view: DeviceView): Setting[] {
  const plan = signInKey(view)
  const key = (name: string): string => `programablekey.${yealinkValues.idleSoftKey}.${name}`
  return [
    [key('type'), keyTypes.xmlBrowser],
    [key('value'), plan.value],
    [key('label'), plan.label],
  ]
}

/**
 * Do not disturb and forwarding belong to the phone: the keys change this phone only, and no code is dialled for
 * them. A forwarded call comes back to the box as 302, so the phone offers it only where the policy allows it.
 */
export function ownDoNotDisturbAndForwarding(view: DeviceView): Setting[] {
  const forwarding = view.stage === 'full' && view.callForwardingAllowed
  const off = (name: string): Setting[] => [
    [`forward.${name}.on_code`, undefined],
    [`forward.${name}.off_code`, undefined],
    ...(forwarding ? [] : [[`forward.${name}.enable`, 0] as const]),
  ]
  return [
    ['features.feature_key_sync.enable', 0],
    ['features.dnd_mode', 0],
    ['features.dnd.allow', view.stage === 'full' ? 1 : 0],
    ['features.dnd.on_code', undefined],
    ['features.dnd.off_code', undefined],
    ['features.fwd_mode', 0],
    ['features.fwd.allow', forwarding ? 1 : 0],
    ...off('always'),
    ...off('busy'),
    ...off('no_answer'),
  ]
}
