import type { VendorNotes } from '../definition.ts'

/** What the table of compatible devices says of each brand as a whole, word for word. */
export const vendorNotes: readonly VendorNotes[] = [
  {
    vendor: 'Cisco',
    remarks:
      'Devices running enterprise firmware must be converted to multiplatform firmware. ' +
      'Read the guide at the right to learn how.',
    links: [
      {
        title: 'Cisco firmware conversion guide',
        url:
          'https://www.cisco.com/c/en/us/products/collateral/collaboration-endpoints/' +
          'unified-ip-phone-7800-series/guide-c07-742786.html',
      },
    ],
  },
  {
    vendor: 'Poly',
    remarks: 'The device will auto-reboot and install the selected firmware.',
    links: [],
  },
  {
    vendor: 'Yealink',
    remarks: '',
    links: [{ title: 'Yealink support', url: 'https://support.yealink.com/' }],
  },
  {
    vendor: 'AudioCodes',
    remarks:
      'Some AudioCodes SIP devices need a provisioning URL setting. ' +
      'Download and install upgrade files for the affected AudioCodes devices at the right.',
    links: [
      {
        title: 'Downloadable files for affected devices at AudioCodes',
        url:
          'https://audiocodes.sharefile.com/share/view/sc9cdf17f9ec45d09/' +
          'fo7914a2-4f3a-4000-8957-47bd6f35a3a5',
      },
    ],
  },
  {
    vendor: 'Spectralink',
    remarks: '',
    links: [{ title: 'Spectralink Support', url: 'https://support.spectralink.com' }],
  },
]

/** The notes under the table that speak of devices, word for word. */
export const tableNotes = {
  managers:
    'Customers can use AudioCodes OVOC and Poly Lens to manage device side configuration of their ' +
    'AudioCodes 400 series and Poly VVX/Trio devices respectively.',
  overTheAir: 'Spectralink Handsets receive firmware updates over the air from Spectralink IP-DECT servers.',
  dectSupport:
    'For support queries, customers using IP-DECT systems with Teams SIP Gateway should reach out to their ' +
    'DECT manufacturer or their implementation channel partners.',
  minimumAboveApproved:
    'For some devices, the minimum firmware version is greater than the approved firmware version. This is ' +
    'because the 3.X version is the Skype for Business version. We update the SIP version which is 2.X.',
} as const
