import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Line } from '#src/model/line.ts'
import type { User } from '#src/model/user.ts'
import type { PromptName } from '../options.ts'
import type { PendingSignIn, SignInPort } from '../ports.ts'
import type { FeatureCallPort, FeatureOutcome } from './feature-call.ts'

type SignInEnd =
  { kind: 'signedIn'; name: string } | { kind: 'failed'; code: string; text: string } | { kind: 'gone' }

/** What the phone hears when a sign-in does not succeed. */
function promptForFailure(code: string): PromptName {
  if (code === 'SIGN_IN_NOT_ALLOWED' || code === 'SIGN_IN_NO_NUMBER' || code === 'SIGN_IN_NO_LICENCE') {
    return 'sign-in-not-allowed'
  }
  return code === 'TENANT_UNREACHABLE' ? 'tenant-unreachable' : 'sign-in-failed'
}

/**
 * `*50*`: starts the device-code flow, reads the code twice and waits, so that the phone can say how it went.
 * Hanging up does not end the flow: most people do so to type the code on another device.
 */
export async function signInByPhone(context: {
  line: Line
  user: User | undefined
  port: FeatureCallPort
  signIn: SignInPort
}): Promise<FeatureOutcome> {
  const { line, user, port, signIn } = context
  if (user) {
    await port.say('signed-in')
    return { cause: 'FEATURE_DONE', text: `${user.displayName} is signed in on this line already.` }
  }
  // Listening before beginning: a sign-in that fails at once must not be missed.
  const end = watchSignIn(line.id, signIn, port.gone)
  let pending: PendingSignIn
  try {
    pending = await signIn.begin(line.id, `phone:${line.username}`)
  } catch (error) {
    end.stop()
    const code = error instanceof ApplianceError ? error.code : 'SIGN_IN_FAILED'
    port.logger.warn({ lineId: line.id, error: errorText(error) }, 'a sign-in could not be started')
    await port.say(promptForFailure(code))
    return { cause: 'FEATURE_FAILED', text: `The sign-in could not be started: ${errorText(error)}` }
  }
  const spoken = readTwice(pending.userCode, port)
  const result = await end.result
  // The news waits for the end of the phrase that is being said; a person would do so too.
  await spoken
  if (result.kind === 'signedIn') {
    await port.say('signed-in')
    return { cause: 'FEATURE_DONE', text: `${result.name} signed in.` }
  }
  if (result.kind === 'failed') {
    await port.say(promptForFailure(result.code))
    return { cause: 'FEATURE_FAILED', text: result.text }
  }
  return {
    cause: 'FEATURE_DONE',
    text: 'The sign-in code was read out; the caller hung up before it was used.',
  }
}

/** `*51*`: signs out whoever is signed in on the line. */
export async function signOutByPhone(context: {
  line: Line
  port: FeatureCallPort
  signIn: SignInPort
}): Promise<FeatureOutcome> {
  const { line, port, signIn } = context
  const signedOut = await signIn.signOut(line.id, `phone:${line.username}`)
  await port.say(signedOut ? 'signed-out' : 'nobody-signed-in')
  return { cause: 'FEATURE_DONE', text: signedOut ? 'The line was signed out.' : 'Nobody was signed in.' }
}

async function readTwice(code: string, port: FeatureCallPort): Promise<void> {
  const phrases = [
    () => port.say('sign-in-open'),
    () => port.spell(code),
    () => port.say('sign-in-again'),
    () => port.spell(code),
  ]
  for (const say of phrases) if (!(await say())) return
}

function watchSignIn(
  lineId: string,
  signIn: SignInPort,
  gone: AbortSignal,
): { result: Promise<SignInEnd>; stop(): void } {
  let stop = (): void => undefined
  const result = new Promise<SignInEnd>((resolve) => {
    const onGone = (): void => finish({ kind: 'gone' })
    const offSignedIn = signIn.on('signedIn', (fact) => {
      if (fact.signIn.lineId === lineId) finish({ kind: 'signedIn', name: fact.user.displayName })
    })
    const offFailed = signIn.on('signInFailed', (fact) => {
      if (fact.lineId === lineId) finish({ kind: 'failed', code: fact.code, text: fact.text })
    })
    const finish = (end: SignInEnd): void => {
      offSignedIn()
      offFailed()
      gone.removeEventListener('abort', onGone)
      resolve(end)
    }
    stop = onGone
    gone.addEventListener('abort', onGone, { once: true })
    if (gone.aborted) onGone()
  })
  return { result, stop }
}
