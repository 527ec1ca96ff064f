import type { FileName } from '../file-names.ts'

/**
 * All that Spectralink has not published about its IP-DECT servers and that the box has to assume. Each entry says what
 * is known and what is not; a correction is made here and nowhere else.
 */
export const spectralinkAssumptions = {
  /**
   * Guides speak of a configuration and a user file per server, found by its MAC; the exact names are not printed.
   * Answers are given in any letter case. The first sends the server to the second.
   */
  files: [
    { name: '{mac}-config.xml', kind: 'boot' },
    { name: '{mac}-users.xml', kind: 'device' },
  ] satisfies FileName[],

  /**
   * The user file. That a user has these properties is documented (and their limits are, see the renderer); what the
   * elements are called, and how they are nested, is not.
   */
  users: {
    root: 'users',
    user: 'user',
    ipei: 'ipei',
    accessCode: 'ac',
    username: 'username',
    domain: 'domain',
    displayName: 'displayname',
    authUser: 'authuser',
    authPassword: 'authpassword',
    standbyText: 'standbytext',
    disabled: 'disabled',
  },
  /** The web page shows an IPEI with spaces, as handsets have it printed; whether a file may leave them out is open. */
  ipeiWithSpaces: true,

  /** `UDPonly` is seen in working files of older servers; the words for the other two are built after it. */
  transport: { udp: 'UDPonly', tcp: 'TCPonly', tls: 'TLSonly' },
  /** Where a port of 0 means the SIP default or a DNS lookup is not said; the real port is always written. */

  /** Seen as `1,2` in working files of older servers, together with phones that spoke G.711: taken as both of its laws. */
  codecs: '1,2',

  /**
   * Mutual TLS exists since PCS18bA, so a server can be given a CA; the element that makes it fetch one is assumed. A
   * server that does not know it has to be given the box's CA by hand on its own page.
   */
  trustedCaUrl: ['security', 'ca_certificate', 'url'],

  /** Encrypted audio exists; its element is assumed, and written only where signalling goes through TLS. */
  secureAudio: { path: ['sip', 'media', 'srtp', 'mode'], value: 'required' },

  /** Older firmware spells this element `seperate_…`; both are written, and whichever is wrong is taken to be ignored. */
  endpointPortsElements: ['separate_endpoint_ports', 'seperate_endpoint_ports'],

  /** What `check_sync` may say is seen once, as `update`: a NOTIFY makes the server fetch its files, without a reboot. */
  onCheckSync: 'update',

  /** Whether a closed window also stops a subscription that has begun is not said; the flag is documented, no more. */
  subscriptionFlag: ['dect', 'subscription_allowed'],
} as const
