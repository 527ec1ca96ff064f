/**
 * Parts of User-Agent values, lower case, of programs that search networks for SIP servers to abuse. Only such as
 * no phone, adapter or telephone system carries, and no tool that admins test with (sipsak, SIPp); who hides behind
 * another name is found by what he does.
 */
export const knownScanners: readonly string[] = [
  // SIPVicious (svmap, svwar, svcrack), in its old and new disguises.
  'friendly-scanner',
  'friendly-request',
  'sipvicious',
  'sundayddr',
  'sip-scan',
  // Robots that look for ways to dial out at others' cost.
  'sipcli',
  'vaxsipuseragent',
  'vaxasip',
  'pplsip',
  'conaito',
  // Vulnerability and port scanners.
  'sivus',
  'siparmyknife',
  'nm@nm',
  'masscan',
  'zgrab',
]
