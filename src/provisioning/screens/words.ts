/** What the sign-in pages on a phone's display say. */
export interface ScreenWords {
  openPage: string
  enterCode: string
  timeLeft(minutes: number, seconds: number): string
  signedInAs(name: string): string
  signedInTitle: string
  codeOver: string
  failedTitle: string
  cancelled: string
  askSignOut(name: string): string
  signedOut: string
  nobody: string
  signIn: string
  signOut: string
  newCode: string
  tryAgain: string
  cancel: string
  exit: string
}

const twoDigits = (value: number): string => String(value).padStart(2, '0')

const english: ScreenWords = {
  openPage: 'Open this page:',
  enterCode: 'and enter this code:',
  timeLeft: (minutes, seconds) => `Good for ${minutes}:${twoDigits(seconds)}`,
  signedInAs: (name) => `Signed in as ${name}.`,
  signedInTitle: 'Signed in',
  codeOver: 'The code is not good any more.',
  failedTitle: 'Not signed in',
  cancelled: 'The sign-in was cancelled.',
  askSignOut: (name) => `Sign ${name} out of this phone?`,
  signedOut: 'Signed out. Emergency calls still work.',
  nobody: 'Nobody is signed in on this phone.',
  signIn: 'Sign in',
  signOut: 'Sign out',
  newCode: 'New code',
  tryAgain: 'Try again',
  cancel: 'Cancel',
  exit: 'Exit',
}

const german: ScreenWords = {
  openPage: 'Diese Seite öffnen:',
  enterCode: 'und diesen Code eingeben:',
  timeLeft: (minutes, seconds) => `Gültig noch ${minutes}:${twoDigits(seconds)}`,
  signedInAs: (name) => `Angemeldet als ${name}.`,
  signedInTitle: 'Angemeldet',
  codeOver: 'Der Code gilt nicht mehr.',
  failedTitle: 'Nicht angemeldet',
  cancelled: 'Die Anmeldung wurde abgebrochen.',
  askSignOut: (name) => `${name} von diesem Telefon abmelden?`,
  signedOut: 'Abgemeldet. Notrufe gehen weiterhin.',
  nobody: 'An diesem Telefon ist niemand angemeldet.',
  signIn: 'Anmelden',
  signOut: 'Abmelden',
  newCode: 'Neuer Code',
  tryAgain: 'Nochmal',
  cancel: 'Abbrechen',
  exit: 'Zurück',
}

/** The words in a language (ISO 639); English where there are none. */
export function screenWords(language: string): ScreenWords {
  return language === 'de' ? german : english
}
