import { authenticationField, head, ok, registerScenario } from './sipp-scenarios.ts'
import { startSipp, type SippProcess, type SippResult } from './sipp.ts'

/** An account as a DECT server takes it from its user file. */
export interface HandsetAccount {
  username: string
  password: string
}

/**
 * Takes calls for many handsets on one port, for as long as the caller talks: whom the request URI names is logged
 * (`rang NAME`), and answers for that handset. A NOTIFY, to any of them, is logged (`notified EVENT`) and answered.
 */
const ringScenario = `${head('ring')}
<recv request="NOTIFY" optional="true" next="1"><action>
<ereg regexp=".*" search_in="hdr" header="Event:" assign_to="event"/>
<log message="notified [$event]"/>
</action></recv>
<recv request="INVITE" rrs="true"><action>
<ereg regexp="sip:([^@]+)@" search_in="msg" check_it="true" assign_to="all,user"/>
<log message="rang [$user]"/>
</action></recv>
<nop><action><log message="uri [$all]"/></action></nop>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=[pid]h[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[$user]@[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=[pid]h[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[$user]@[local_ip]:[local_port];transport=[transport]>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS
Content-Type: application/sdp
Content-Length: [len]

v=0
o=dect 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv
]]></send>
<recv request="ACK" rrs="true"/>
<recv request="BYE"/>
${ok('next="2"')}
<label id="1"/>
${ok()}
<label id="2"/>
</scenario>`

/** REGISTER, 401, REGISTER with credentials, 403: an account that is no more. */
const refusedScenario = registerScenario().replace('<recv response="200"/>', '<recv response="403"/>')

/** A DECT server's SIP side on SIPp: all its handsets share one UDP port. */
export class SippDect {
  readonly port: number
  readonly #target: string

  constructor(options: { port: number; target: string }) {
    this.port = options.port
    this.#target = options.target
  }

  /** Registers all at once, each with a new Call-ID, as after a power cut; fails a call for any other answer. */
  register(accounts: readonly HandsetAccount[], transport: 'u1' | 't1' = 'u1'): Promise<SippResult> {
    return this.#send(registerScenario(), accounts, transport)
  }

  /** Tries to register; succeeds where the box answers 403 to good form. */
  registerRefused(accounts: readonly HandsetAccount[]): Promise<SippResult> {
    return this.#send(refusedScenario, accounts, 'u1')
  }

  /** Takes calls for whatever handset they name until it is stopped. */
  ring(): SippProcess {
    return startSipp({ scenario: ringScenario, localPort: this.port })
  }

  #send(scenario: string, accounts: readonly HandsetAccount[], transport: 'u1' | 't1'): Promise<SippResult> {
    return startSipp({
      scenario,
      fields: accounts.map(({ username, password }) => [username, authenticationField(username, password)]),
      localPort: this.port,
      target: this.#target,
      transport,
      // More than there are within SIPp's first tick: they go out at once.
      rate: 10_000,
      calls: accounts.length,
      limit: accounts.length,
    }).done
  }
}

/** Whom the calls of a {@link SippDect.ring} rang, in order. */
export function rung({ logs }: SippResult): string[] {
  return logs.flatMap((line) => /^rang (.+)$/.exec(line)?.[1] ?? [])
}

/** The events that a {@link SippDect.ring} was notified of, in order. */
export function notified({ logs }: SippResult): string[] {
  return logs.flatMap((line) => /^notified (.+)$/.exec(line)?.[1]?.trim() ?? [])
}
