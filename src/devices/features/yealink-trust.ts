import type { DeviceView } from '../device-view.ts'
import type { Setting } from '../render/cfg-text.ts'
import { yealinkValues } from './yealink-undocumented.ts'

/** Makes the phone trust the box's CA, and nothing that is not signed; comes before anything that needs it. */
export function boxAuthority(view: DeviceView): Setting[] {
  // Plain HTTP once, when nothing can be trusted yet. Later the same file comes over HTTPS: who sits in between then
  // must not be able to put another CA into a phone that trusts ours.
  const overHttps = view.server.httpsUrl + new URL(view.caUrl).pathname
  return [
    ['static.trusted_certificates.url', view.stage === 'bootstrap' ? view.caUrl : overHttps],
    ['static.security.trust_certificates', 1],
    ['static.security.ca_cert', yealinkValues.trustedRoots],
    ['static.security.cn_validation', yealinkValues.checkServerName],
  ]
}

const minutesToNextLook = { bootstrap: 1, onboarding: 5, full: 1440 } as const

/**
 * Sends the phone to its own HTTPS address from now on. Once it has that address, finding a server by multicast or
 * by DHCP is switched off: the first answer on the network must not take the phone away from the box.
 */
export function provisioningServer(view: DeviceView): Setting[] {
  const found = view.stage === 'bootstrap' ? 1 : 0
  return [
    ['static.auto_provision.server.url', view.provisioningUrl],
    ['static.auto_provision.power_on', 1],
    ['static.auto_provision.repeat.enable', 1],
    ['static.auto_provision.repeat.minutes', minutesToNextLook[view.stage]],
    ['static.auto_provision.pnp_enable', found],
    ['static.auto_provision.dhcp_option.enable', found],
    ['static.zero_touch.enable', 0],
    ['static.auto_provision.user_agent_mac.enable', 1],
  ]
}

/** Password of the phone's own web page. */
export function adminPassword(view: DeviceView): Setting[] {
  return view.adminPassword === undefined
    ? []
    : [['static.security.user_password', `admin:${view.adminPassword}`]]
}

/** Lets the box, and nobody else, call the phone, restart it and write on its screen. */
export function obeyOnlyTheBox(view: DeviceView): Setting[] {
  return [
    ['sip.trust_ctrl', 1],
    ['sip.notify_reboot_enable', 0],
    ['push_xml.sip_notify', 1],
    ['push_xml.server', view.server.host],
    ['push_xml.block_in_calling', 0],
    ['features.action_uri.enable', 0],
    ['features.action_uri_limit_ip', view.server.host],
  ]
}
