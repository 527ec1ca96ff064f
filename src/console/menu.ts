import { answerDialog, askDialog, newDialog } from './network-dialog.ts'
import type { Danger, MenuEffect, MenuFacts, MenuInput, MenuState, MenuStep } from './menu-state.ts'
import { linesPerPage } from './text.ts'

const menu: MenuState = { at: 'menu' }
const banner: MenuState = { at: 'banner' }

const say = (...lines: string[]): MenuEffect => ({ kind: 'say', lines })

const dangers = {
  resetAdmin: { task: 'resetAdmin', word: 'reset', times: 1 },
  restart: { task: 'restart', word: 'yes', times: 1 },
  reboot: { task: 'reboot', word: 'yes', times: 1 },
  factoryReset: { task: 'factoryReset', word: 'factory reset', times: 2 },
} as const satisfies Record<Danger['task'], Danger>

const warnings: Record<Danger['task'], readonly string[]> = {
  resetAdmin: [
    'This forgets the admin password and logs everybody out of the setup page.',
    'Phones, people and calls stay as they are. A new claim code comes up.',
  ],
  restart: ['This restarts the program of the box. Calls get a short time to end.'],
  reboot: ['This reboots the whole machine. Calls get a short time to end.'],
  factoryReset: [
    'THIS ERASES EVERYTHING THE BOX WAS TOLD: phones, people, settings, call log,',
    'the admin password and the network settings. It cannot be undone.',
  ],
}

/** What stands before the cursor, and whether the answer is shown; undefined while the box is at something. */
export function promptOf(state: MenuState): { text: string; secret: boolean } | undefined {
  const plain = (text: string): { text: string; secret: boolean } => ({ text, secret: false })
  switch (state.at) {
    case 'banner':
      return plain('Press Enter for the menu. ')
    case 'password':
      return { text: 'Admin password: ', secret: true }
    case 'menu':
      return plain('Number and Enter: ')
    case 'more':
      return plain('-- more: Enter, or q to end: ')
    case 'network':
      return plain(state.view.supported ? 'Number and Enter: ' : 'Enter for the menu: ')
    case 'dialog':
      return plain(askDialog(state.dialog))
    case 'trial':
      return plain(`Keep it? Press y and Enter within ${state.seconds} s to keep, n to take it back: `)
    case 'restart':
      return plain('Number and Enter: ')
    case 'danger':
      return plain(
        `Type ${state.danger.word} ${state.danger.times > 1 ? 'to go on' : 'and Enter to do it'}: `,
      )
    case 'leaving':
    case 'busy':
      return undefined
  }
}

/**
 * The whole menu as a pure function. Only a finished line does anything, and what cannot be undone wants a word:
 * noise on the line must not reset a box.
 */
export function stepMenu(state: MenuState, input: MenuInput, facts: MenuFacts): MenuStep {
  switch (input.kind) {
    case 'line':
      return takeLine(state, input.text.trim(), input.text, facts)
    case 'cancel':
      return cancel(state)
    case 'redraw':
      return redraw(state)
    case 'tooLong':
      return { state, effects: [say('That line is too long.')] }
    case 'noise':
      return { state, effects: [say('', 'There was noise on the line; it was ignored.')] }
    case 'idle':
      // A trial ends by itself; whoever comes back within its time must still find the question.
      return state.at === 'trial' || state.at === 'busy' ? { state, effects: [] } : toBanner()
    case 'page':
      return state.at === 'busy' ? page(input.lines, input.then) : { state, effects: [] }
    case 'passwordRight':
      return state.at === 'busy' ? toMenu() : { state, effects: [] }
    case 'done':
      if (state.at !== 'busy') return { state, effects: [] }
      return input.leaving ? { state: { at: 'leaving' }, effects: [say(input.text)] } : toMenu(input.text)
    case 'failed':
      return state.at === 'busy'
        ? { state: state.failsTo, effects: [say(input.text)] }
        : { state, effects: [] }
    case 'trialStarted':
      return state.at === 'busy'
        ? {
            state: { at: 'trial', seconds: input.seconds },
            effects: [say('The new settings are in force, on trial.')],
          }
        : { state, effects: [] }
    case 'trialEnded':
      return trialEnded(state, input.text)
  }
}

function takeLine(state: MenuState, text: string, raw: string, facts: MenuFacts): MenuStep {
  switch (state.at) {
    case 'banner':
      return facts.passwordWanted ? { state: { at: 'password' }, effects: [] } : toMenu()
    case 'password':
      if (raw === '') return toBanner()
      return {
        state: { at: 'busy', failsTo: banner },
        effects: [{ kind: 'checkPassword', password: raw }],
      }
    case 'menu':
      return choose(text, facts)
    case 'more':
      return /^q/i.test(text) ? toMenu() : page(state.rest, state.then)
    case 'network':
      return chooseNetwork(state, text)
    case 'dialog': {
      const step = answerDialog(state.dialog, text)
      if ('next' in step)
        return { state: { ...state, dialog: step.next }, effects: step.say.map((line) => say(line)) }
      if ('given' in step) return toMenu('Nothing was changed.')
      return {
        state: { at: 'busy', failsTo: { at: 'network', view: state.view } },
        effects: [
          say('The new settings are being put into force ...'),
          { kind: 'startTrial', configuration: step.wanted },
        ],
      }
    }
    case 'trial':
      if (/^y(es)?$/i.test(text)) return run('keepTrial', menu)
      if (/^no?$/i.test(text)) return run('takeTrialBack', menu)
      return { state, effects: [say('Type y or n.')] }
    case 'restart':
      if (text === '1') return warn('restart')
      if (text === '2' && facts.ownsMachine) return warn('reboot')
      return toMenu()
    case 'danger': {
      const { danger } = state
      if (text.toLowerCase() !== danger.word) return toMenu('Nothing was done.')
      if (danger.times > 1)
        return {
          state: { at: 'danger', danger: { ...danger, times: danger.times - 1 } },
          effects: [say('Once more, to be sure.')],
        }
      return run(danger.task, menu)
    }
    case 'leaving':
      // It has not gone: whoever waits at the console gets it back.
      return toMenu()
    case 'busy':
      return { state, effects: [] }
  }
}

function choose(text: string, facts: MenuFacts): MenuStep {
  switch (text) {
    case '1':
      return show('status')
    case '2':
      return show('claim')
    case '3':
      return show('network')
    case '4':
      if (facts.owner === 'unknown')
        return toMenu('The database is not running, so there is no password to reset. See 1 Status.')
      return facts.owner === 'claimed'
        ? warn('resetAdmin')
        : toMenu('The box has no admin yet: claim it with the code under 2.')
    case '5':
      return show('log')
    case '6':
      return facts.ownsMachine
        ? {
            state: { at: 'restart' },
            effects: [
              say('  1  Restart the program of the box', '  2  Reboot the machine', '  Enter: back', ''),
            ],
          }
        : warn('restart')
    case '7':
      return warn('factoryReset')
    case '8':
    case '?':
      return show('help')
    case 'q':
      return toBanner()
    case '':
      return show('menu')
    default:
      return { state: menu, effects: [say('Type one of the numbers, 1 to 8.')] }
  }
}

function chooseNetwork(state: MenuState & { at: 'network' }, text: string): MenuStep {
  const { view } = state
  if (!view.supported) return toMenu()
  // A trial that was begun on the page or on another console.
  if (view.trial) {
    if (text === '1' && view.trial.state === 'onTrial') return run('keepTrial', menu)
    return text === '2' ? run('takeTrialBack', menu) : toMenu()
  }
  if (text !== '1' && text !== '2') return toMenu()
  const dialog = newDialog(text === '1' ? 'dhcp' : 'static', view)
  return {
    state: { at: 'dialog', dialog, view },
    effects: [say('Enter keeps what stands in brackets, Ctrl-C ends without a change.')],
  }
}

function warn(task: Danger['task']): MenuStep {
  return {
    state: { at: 'danger', danger: dangers[task] },
    effects: [say(...warnings[task], 'Anything else than the word goes back to the menu.')],
  }
}

function run(task: Danger['task'] | 'keepTrial' | 'takeTrialBack', failsTo: MenuState): MenuStep {
  return { state: { at: 'busy', failsTo }, effects: [{ kind: 'run', task }] }
}

function show(screen: 'menu' | 'status' | 'claim' | 'network' | 'log' | 'help'): MenuStep {
  return { state: { at: 'busy', failsTo: menu }, effects: [{ kind: 'show', screen }] }
}

/** A page of at most a screen; what is left waits for Enter. */
function page(lines: readonly string[], then: MenuState): MenuStep {
  const rest = lines.slice(linesPerPage)
  const effects = [say(...lines.slice(0, linesPerPage))]
  if (rest.length > 0) return { state: { at: 'more', rest, then }, effects }
  return { state: then, effects }
}

function toMenu(...lines: string[]): MenuStep {
  const effects: MenuEffect[] = lines.length > 0 ? [say(...lines)] : []
  return { state: { at: 'busy', failsTo: menu }, effects: [...effects, { kind: 'show', screen: 'menu' }] }
}

function toBanner(): MenuStep {
  return { state: { at: 'busy', failsTo: banner }, effects: [{ kind: 'show', screen: 'banner' }] }
}

function cancel(state: MenuState): MenuStep {
  switch (state.at) {
    case 'busy':
      return { state, effects: [] }
    case 'trial':
      return { state, effects: [say('')] }
    case 'banner':
    case 'password':
    case 'leaving':
      return toBanner()
    case 'dialog':
    case 'danger':
      return toMenu('', 'Nothing was done.')
    default:
      return toMenu('')
  }
}

function redraw(state: MenuState): MenuStep {
  switch (state.at) {
    case 'banner':
    case 'password':
      return toBanner()
    case 'menu':
      return show('menu')
    default:
      return { state, effects: [say('')] }
  }
}

function trialEnded(state: MenuState, text: string): MenuStep {
  if (state.at === 'trial') return toMenu('', text)
  if (state.at === 'network' && state.view.trial) return toMenu('', text)
  return { state, effects: [] }
}
