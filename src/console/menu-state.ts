import type { NetworkConfiguration, NetworkView } from '#src/host/network/ports.ts'
import type { NetworkDialog } from './network-dialog.ts'
import type { OwnerState } from './ports.ts'

/** What the box does for the console and what may take a while. */
export type Task = 'resetAdmin' | 'restart' | 'reboot' | 'factoryReset' | 'keepTrial' | 'takeTrialBack'

/** Screens whose content the driver gathers. */
export type Screen = 'banner' | 'menu' | 'status' | 'claim' | 'network' | 'log' | 'help'

/** What must be typed, once or twice, before the box does something that cannot be undone. */
export interface Danger {
  readonly task: 'resetAdmin' | 'restart' | 'reboot' | 'factoryReset'
  readonly word: string
  /** How many times it must still be typed. */
  readonly times: number
}

/** Where a person stands in the menu. */
export type MenuState =
  | { at: 'banner' }
  | { at: 'password' }
  | { at: 'menu' }
  /** Lines that did not fit on the screen, and where Enter leads after them. */
  | { at: 'more'; rest: readonly string[]; then: MenuState }
  | { at: 'network'; view: NetworkView }
  | { at: 'dialog'; dialog: NetworkDialog; view: NetworkView }
  | { at: 'trial'; seconds: number }
  | { at: 'restart' }
  | { at: 'danger'; danger: Danger }
  /** The box or its machine is about to go away. */
  | { at: 'leaving' }
  /** The box is at it; what is typed meanwhile is ignored. */
  | { at: 'busy'; failsTo: MenuState }

export type MenuInput =
  | { kind: 'line'; text: string }
  | { kind: 'cancel' }
  | { kind: 'redraw' }
  | { kind: 'tooLong' }
  /** The line was noisy and is quiet again. */
  | { kind: 'noise' }
  /** Nobody typed for long. */
  | { kind: 'idle' }
  /** A screen's lines, gathered. */
  | { kind: 'page'; lines: readonly string[]; then: MenuState }
  | { kind: 'passwordRight' }
  /** The box did it; `leaving`: and goes away now. */
  | { kind: 'done'; text: string; leaving: boolean }
  | { kind: 'failed'; text: string }
  | { kind: 'trialStarted'; seconds: number }
  /** Kept or taken back, here or elsewhere. */
  | { kind: 'trialEnded'; text: string }

export type MenuEffect =
  | { kind: 'say'; lines: readonly string[] }
  /** Gathers a screen and answers with `page`. */
  | { kind: 'show'; screen: Screen }
  | { kind: 'checkPassword'; password: string }
  | { kind: 'run'; task: Task }
  | { kind: 'startTrial'; configuration: NetworkConfiguration }

/** What the machine must know of the box to decide; read anew for each step. */
export interface MenuFacts {
  owner: OwnerState['is']
  passwordWanted: boolean
  ownsMachine: boolean
}

export interface MenuStep {
  state: MenuState
  effects: MenuEffect[]
}
