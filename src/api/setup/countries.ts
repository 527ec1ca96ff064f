import type { CountryView } from '../schema/setup.ts'

/**
 * Emergency numbers, main time zone and language by country, as the country's own authorities publish them (ITU-T
 * E.129 national numbering plans). 112 stands first where it is a number of the country itself; a country that is
 * not in the list gets 112, which GSM networks know everywhere. 933 is the test number of North American tenants.
 */
const table: Readonly<Record<string, readonly [numbers: string, timeZone: string, language?: string]>> = {
  AE: ['999 998 997 112', 'Asia/Dubai'],
  AR: ['911 101 107 100 112', 'America/Argentina/Buenos_Aires', 'es'],
  AT: ['112 133 144 122', 'Europe/Vienna', 'de'],
  AU: ['000 112 106', 'Australia/Sydney'],
  BE: ['112 101 100', 'Europe/Brussels', 'fr'],
  BG: ['112 150 160 166', 'Europe/Sofia'],
  BR: ['190 192 193 112', 'America/Sao_Paulo', 'pt'],
  CA: ['911 933', 'America/Toronto'],
  CH: ['112 117 118 144', 'Europe/Zurich', 'de'],
  CL: ['131 132 133', 'America/Santiago', 'es'],
  CN: ['110 119 120', 'Asia/Shanghai'],
  CO: ['123 112', 'America/Bogota', 'es'],
  CY: ['112 199', 'Asia/Nicosia'],
  CZ: ['112 150 155 158', 'Europe/Prague'],
  DE: ['112 110', 'Europe/Berlin', 'de'],
  DK: ['112', 'Europe/Copenhagen'],
  EE: ['112', 'Europe/Tallinn'],
  EG: ['122 123 180 112', 'Africa/Cairo'],
  ES: ['112 091 062 061', 'Europe/Madrid', 'es'],
  FI: ['112', 'Europe/Helsinki'],
  FR: ['112 15 17 18 114', 'Europe/Paris', 'fr'],
  GB: ['999 112', 'Europe/London'],
  GR: ['112 100 166 199', 'Europe/Athens'],
  HK: ['999 112', 'Asia/Hong_Kong'],
  HR: ['112 192 193 194', 'Europe/Zagreb'],
  HU: ['112 104 105 107', 'Europe/Budapest'],
  ID: ['112 110 113 118', 'Asia/Jakarta'],
  IE: ['112 999', 'Europe/Dublin'],
  IL: ['100 101 102 112', 'Asia/Jerusalem'],
  IN: ['112 100 101 108', 'Asia/Kolkata'],
  IS: ['112', 'Atlantic/Reykjavik'],
  IT: ['112 113 115 118', 'Europe/Rome'],
  JP: ['110 119 118', 'Asia/Tokyo', 'ja'],
  KE: ['999 112 911', 'Africa/Nairobi'],
  KR: ['112 119', 'Asia/Seoul'],
  LI: ['112 117 118 144', 'Europe/Vaduz', 'de'],
  LT: ['112', 'Europe/Vilnius'],
  LU: ['112 113', 'Europe/Luxembourg', 'fr'],
  LV: ['112 110 113', 'Europe/Riga'],
  MT: ['112', 'Europe/Malta'],
  MX: ['911', 'America/Mexico_City', 'es'],
  MY: ['999 112', 'Asia/Kuala_Lumpur'],
  NG: ['112', 'Africa/Lagos'],
  NL: ['112', 'Europe/Amsterdam'],
  NO: ['112 110 113', 'Europe/Oslo'],
  NZ: ['111 112', 'Pacific/Auckland'],
  PE: ['105 106 116', 'America/Lima', 'es'],
  PH: ['911 112', 'Asia/Manila'],
  PL: ['112 997 998 999', 'Europe/Warsaw'],
  PT: ['112', 'Europe/Lisbon', 'pt'],
  RO: ['112', 'Europe/Bucharest'],
  RS: ['112 192 193 194', 'Europe/Belgrade'],
  SA: ['911 997 998 999 112', 'Asia/Riyadh'],
  SE: ['112', 'Europe/Stockholm'],
  SG: ['999 995 112', 'Asia/Singapore'],
  SI: ['112 113', 'Europe/Ljubljana'],
  SK: ['112 150 155 158', 'Europe/Bratislava'],
  TH: ['191 199 1669 112', 'Asia/Bangkok'],
  TR: ['112', 'Europe/Istanbul'],
  TW: ['110 119 112', 'Asia/Taipei'],
  UA: ['112 101 102 103', 'Europe/Kyiv'],
  US: ['911 933', 'America/New_York'],
  VN: ['113 114 115 112', 'Asia/Ho_Chi_Minh'],
  ZA: ['112 10111 10177', 'Africa/Johannesburg'],
}

/** The countries that the wizard offers with their defaults, by code. */
export const countries: readonly CountryView[] = Object.entries(table).map(
  ([code, [numbers, timeZone, language = 'en']]) => ({
    code,
    emergencyNumbers: numbers.split(' '),
    timeZone,
    language,
  }),
)

/** Languages that phones of the supported vendors can be told to speak; others stay English. */
export const phoneLanguages = ['en', 'de', 'es', 'fr', 'ja', 'pt'] as const
