/** What each text of test/fixtures/user-agents.tsv says, written down by hand: `-` stands for nothing. */
export interface Expectation {
  vendor: string
  model: string
  family: string
  mac: string
  firmware: string
}

const lines = `
Yealink      | T18                  | yealink      | 001565273e05 | 18.0.0.80
Yealink      | T19P_E2              | yealink      | 0015654c4c26 | 53.80.0.3
Yealink      | T20P                 | yealink      | 0015655e167c | 9.72.0.30
Yealink      | T27P                 | yealink      | 0015658c4812 | 45.80.0.25
Yealink      | T29G                 | yealink      | 00156513ae0b | 46.83.0.120
Yealink      | T34W                 | yealink      | 249ad888d0f4 | 124.86.0.75
Yealink      | T42G                 | yealink      | 0015654c3bb0 | 29.83.0.120
Yealink      | T46G                 | yealink      | 0015654aa937 | 28.83.0.120
Yealink      | T46G                 | yealink      | -            | 28.71.0.81
Yealink      | T49G                 | yealink      | 0015659b5a44 | 51.80.0.10
Yealink      | T58A                 | yealink      | 0015659b5b22 | 58.83.0.15
Yealink      | T77U                 | yealink      | 44dbd2bdb569 | 185.87.0.10
Yealink      | T85W                 | yealink      | 44dbd267584b | 185.87.0.10
Yealink      | T87W                 | yealink      | 44dbd2c973b7 | 185.87.0.10
Yealink      | CP860                | yealink      | 0015658a3786 | 37.72.0.5
Yealink      | W52P                 | yealink-dect | 001565b86005 | 25.80.0.15
Yealink      | W60B                 | yealink-dect | 805ec009abdc | 77.81.0.35
Yealink      | W70B                 | yealink-dect | 805e0c1d654e | 146.87.0.15
Yealink      | W75B                 | yealink-dect | 249ad8dffb11 | 175.87.0.10
Yealink      | W80B                 | yealink-dect | 249ad8d1a631 | 103.83.0.122
Yealink      | W80DM                | yealink-dect | 249ad8d1a631 | 103.87.0.10
Yealink      | W90DM                | yealink-dect | 805ec0d9c744 | 130.87.0.10
Yealink      | T27G                 | yealink      | -            | 69.86.0.15
Yealink      | T42S                 | yealink      | -            | 66.84.0.125
Yealink      | T21P_E2              | yealink      | -            | 52.83.0.35
Yealink      | W52P                 | yealink-dect | -            | 25.81.0.10
Poly         | SoundPoint IP 335    | poly-ucs     | -            | 4.2.1.0275
Poly         | SoundStation IP 6000 | poly-ucs     | -            | 4.0.4.2906
Poly         | SoundStation IP 6000 | poly-ucs     | -            | -
Poly         | VVX101               | poly-ucs     | -            | 5.4.3.1014
Poly         | VVX450               | poly-ucs     | -            | 5.9.1.0615
Poly         | Edge E450            | poly-ucs     | -            | 8.0.0.15602
Poly         | VVX350               | poly-ucs     | -            | 5.9.5.0614
Poly         | VVX150               | poly-ucs     | 482567164887 | 6.4.1.2280
Poly         | Edge E220            | poly-ucs     | 48256712b942 | 8.0.0.13670
Poly         | Trio 8500            | poly-ucs     | -            | 5.9.2.7727
Poly         | VVX310               | poly-ucs     | -            | 5.5.2.8571
Poly         | Trio 8800            | poly-ucs     | -            | 5.4.3.2007
Poly         | OBi202               | poly-obi     | -            | 3.2.2.5921
Poly         | OBi1032              | poly-obi     | -            | 5.1.11
Poly         | OBi110               | poly-obi     | -            | 1.3.0.2824
Cisco        | 8841                 | cisco-mpp    | 00562b043615 | 11.0
Cisco        | 7832                 | cisco-mpp    | 00562b043615 | 11.0.1
Cisco        | SPA501G              | -            | 8843e157ddcc | 7.4.4
Cisco        | SPA525G              | -            | -            | 7.4.7
AudioCodes   | 440HD                | audc-2x      | 00908f602aac | 2.2.8.61
AudioCodes   | C450HD               | audc-3x      | -            | 3.4.6.604
AudioCodes   | -                    | audc-2x      | -            | 2.2.2
Snom         | M900                 | -            | 000413b60680 | 05.20.0001
Gigaset      | N870 IP PRO          | -            | 7c2f80e0d605 | 83.V2.11.0+build.a546b91
Gigaset      | N720 DM PRO          | -            | 7c2f80ca21e4 | 70.089.00.000.000
`

/** In the order of the fixture. */
export const expectations: readonly Expectation[] = lines
  .trim()
  .split('\n')
  .map((line) => {
    const [vendor = '', model = '', family = '', mac = '', firmware = ''] = line
      .split('|')
      .map((cell) => cell.trim())
    return { vendor, model, family, mac, firmware }
  })
