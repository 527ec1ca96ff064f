/**
 * How far a device has come: `bootstrap` is read over plain HTTP and holds no secret of an account,
 * `onboarding` has an account that can sign in and call for help, `full` belongs to somebody.
 */
export type DeviceStage = 'bootstrap' | 'onboarding' | 'full'

/** A SIP account as it is written into a device. */
export interface LineView {
  username: string
  password: string
  /** Shown while nobody is signed in. */
  label: string
  displayName: string
  /** Who is signed in on it; undefined for nobody. */
  signedIn?: { displayName: string; number: string } | undefined
  /** DECT only: the handset that the account belongs to, its IPEI as it is printed on the handset. */
  ipei?: string | undefined
  /** DECT only: the access code that this handset subscribes with. */
  accessCode?: string | undefined
}

/** Where the box is for this device; a port is undefined while its door is closed. */
export interface ServerView {
  /** Name or address, without port. */
  host: string
  /** `http://host:port`, no trailing slash. */
  httpUrl: string
  /** `https://host:port`, no trailing slash. */
  httpsUrl: string
  tlsPort: number | undefined
  udpPort: number | undefined
  tcpPort: number | undefined
  realm: string
}

/** What is dialled for a feature, `*99*` and the like, in the words of the mission. */
export interface FeatureCodesView {
  doNotDisturbOn: string
  doNotDisturbOff: string
  forwardOff: string
  forwardAlways: string
  forwardOnTimeout: string
  forwardOnBusy: string
  simultaneousRing: string
  signIn: string
  signOut: string
  enrol: string
  voicemail: string
}

/** The feature codes of the box as they stand in its number plan. */
export const featureCodesView: FeatureCodesView = {
  doNotDisturbOn: '*30*',
  doNotDisturbOff: '*31*',
  forwardOff: '*32*',
  forwardAlways: '*33*',
  forwardOnTimeout: '*34*',
  forwardOnBusy: '*36*',
  simultaneousRing: '*35*',
  signIn: '*50*',
  signOut: '*51*',
  enrol: '*55*',
  voicemail: '*99*',
}

/** The place the device stands in. */
export interface SiteView {
  /** ISO 3166, two capital letters. */
  country: string
  /** ISO 639, for example `de`. */
  language: string
  /** IANA, for example `Europe/Berlin`. */
  timeZone: string
  /** The current year there: devices are told this year's daylight saving rule. */
  year: number
  /** Names or addresses, best first. */
  ntpServers: readonly string[]
  emergencyNumbers: readonly string[]
}

/** What a DECT server is told beside the accounts of its handsets. */
export interface DectServerView {
  /** Whether handsets may subscribe now. */
  subscriptionAllowed: boolean
}

/** Everything a device's files are rendered from: a plain record, built by provisioning, the only input. */
export interface DeviceView {
  stage: DeviceStage
  device: {
    /** Twelve lower-case hexadecimal digits. */
    mac: string
    label: string
    /** As the catalogue spells it; undefined while unknown. */
    model: string | undefined
    /** What the device itself reported; undefined while unknown. */
    firmware: string | undefined
    location: string | undefined
  }
  server: ServerView
  /** Where the device fetches its files from next time: HTTPS, ends with `/`, the device's own token inside. */
  provisioningUrl: string
  /** The box's CA certificate (PEM) over plain HTTP, for devices that trust nothing yet; HTTPS has it at the same path. */
  caUrl: string
  /** Base of the device's own screens, ends with `/`, its token inside. */
  pageUrl: string
  /** Of a DECT server: the lines of all its handsets. */
  lines: readonly LineView[]
  /** Of a DECT server only. */
  dect?: DectServerView | undefined
  site: SiteView
  /** Password of the device's own web page; undefined leaves the device's. */
  adminPassword: string | undefined
  featureCodes: FeatureCodesView
  /** Whether the person's calling policy lets the device redirect calls (AllowCallRedirect). */
  callForwardingAllowed: boolean
  /** Changes whenever the box's side of this view changes. */
  configVersion: string
}
