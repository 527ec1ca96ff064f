/** Values by which Yealink phones name languages and countries' tones, and the words on our keys. */

/** `lang.gui` by ISO 639; what is missing gets English. Not documented for all models (U): the list of most. */
export const guiLanguages: Readonly<Record<string, string>> = {
  de: 'German',
  en: 'English',
  es: 'Spanish',
  fr: 'French',
  it: 'Italian',
  pl: 'Polish',
  pt: 'Portuguese',
  ru: 'Russian',
  tr: 'Turkish',
  zh: 'Chinese_S',
}

/**
 * `voice.tone.country` by ISO 3166; what is missing keeps the phone's own tones. Not documented at hand (U): the
 * spelling of each name.
 */
export const toneCountries: Readonly<Record<string, string>> = {
  AT: 'Austria',
  AU: 'Australia',
  BE: 'Belgium',
  BR: 'Brazil',
  CH: 'Switzerland',
  CL: 'Chile',
  CN: 'China',
  CZ: 'Czech',
  DE: 'Germany',
  DK: 'Denmark',
  ES: 'Spain',
  FI: 'Finland',
  FR: 'France',
  GB: 'Great Britain',
  GR: 'Greece',
  HU: 'Hungary',
  IN: 'India',
  IT: 'Italy',
  JP: 'Japan',
  LT: 'Lithuania',
  MX: 'Mexico',
  NL: 'Netherlands',
  NO: 'Norway',
  NZ: 'New Zealand',
  PT: 'Portugal',
  RU: 'Russia',
  SE: 'Sweden',
  US: 'United States',
}

/** Countries that tell the time with am and pm. */
export const twelveHourCountries: ReadonlySet<string> = new Set(['AU', 'CA', 'IN', 'MX', 'NZ', 'US'])

/** The words on our keys. */
export interface KeyWords {
  signIn: string
  signOut: string
  enrol: string
  notAdopted: string
  doNotDisturb: string
  forward: string
  voicemail: string
}

const english: KeyWords = {
  signIn: 'Sign in',
  signOut: 'Sign out',
  enrol: 'Enrol',
  notAdopted: 'Not adopted yet',
  doNotDisturb: 'DND',
  forward: 'Forward',
  voicemail: 'Voicemail',
}

const wordsByLanguage: Readonly<Record<string, KeyWords>> = {
  en: english,
  de: {
    signIn: 'Anmelden',
    signOut: 'Abmelden',
    enrol: 'Einbuchen',
    notAdopted: 'Noch nicht freigegeben',
    doNotDisturb: 'Nicht stören',
    forward: 'Umleiten',
    voicemail: 'Mailbox',
  },
  fr: {
    signIn: 'Connexion',
    signOut: 'Déconnexion',
    enrol: 'Inscrire',
    notAdopted: 'Pas encore adopté',
    doNotDisturb: 'NPD',
    forward: 'Renvoi',
    voicemail: 'Messagerie',
  },
  es: {
    signIn: 'Iniciar sesión',
    signOut: 'Cerrar sesión',
    enrol: 'Registrar',
    notAdopted: 'Aún no adoptado',
    doNotDisturb: 'No molestar',
    forward: 'Desvío',
    voicemail: 'Buzón de voz',
  },
}

/** The words on our keys in a language; English where we have none. */
export function keyWords(language: string): KeyWords {
  return wordsByLanguage[language.slice(0, 2)] ?? english
}
