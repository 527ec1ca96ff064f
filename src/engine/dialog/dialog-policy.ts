/** What the engine decides by itself about sessions and extensions; all of it may be left out. */
export interface DialogPolicy {
  /** RFC 4028; left out: peers and applications may ask for session timers, the engine never does. */
  sessionTimers?: SessionTimerPolicy
  /**
   * Option tags that the applications understand beside those the engine handles. Given: a request that requires
   * another one gets 420 (RFC 3261 8.2.2.3). Left out: every application judges Require by itself.
   */
  extensions?: readonly string[]
  /**
   * Who decides about an INVITE with Replaces. `application` (the default): it is told which of its dialogs is meant.
   * `engine`: the rules of RFC 3891 3 are applied before it is asked, and what matches nothing gets 481.
   */
  replaces?: 'application' | 'engine'
}

/** Session timers as the engine wants them. */
export interface SessionTimerPolicy {
  /** Shorter intervals get 422 inside and outside dialogs (RFC 4028 9); never below 90 s. */
  minSeS: number
  /** Who refreshes when neither side says so; left out = the caller when it can. */
  defaultRefresher?: 'uac' | 'uas'
  /** Asked for in every INVITE, and offered in every answer, where the application says nothing. */
  defaultIntervalS?: number
}
