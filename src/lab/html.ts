/** Text that is safe to put into a page as it is. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Template tag: every value is escaped, except what is Html already. */
export function html(parts: TemplateStringsArray, ...values: (string | Html | Html[])[]): Html {
  let text = parts[0] ?? ''
  values.forEach((value, index) => {
    text += render(value) + (parts[index + 1] ?? '')
  })
  return new Html(text)
}

function render(value: string | Html | Html[]): string {
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map((one) => one.text).join('')
  return value.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}

/** A whole page of the lab, which says that it is the lab. */
export function labPage(title: string, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Branchline LAB</title>
        <link rel="stylesheet" href="/lab.css" />
      </head>
      <body>
        <header>
          <strong>LAB</strong>
          <span>This is Branchline's lab tenant. It is not Microsoft, and its people are not real.</span>
        </header>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html>`.text.replace(/^\s+/gm, '')
}

/** The one style sheet of the lab's pages: readable at phone width, both colour schemes, visible focus. */
export const labStyles = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; --line: #767676; --accent: #0b5c8a }
@media (prefers-color-scheme: dark) { :root { --line: #9a9a9a; --accent: #7cc4f0 } }
* { box-sizing: border-box }
body { margin: 0 }
header { background: #6b2c00; color: #fff; padding: .75rem 1rem }
header strong { background: #fff; color: #6b2c00; padding: 0 .5rem; margin-right: .5rem; border-radius: .25rem }
main { max-width: 40rem; margin: 0 auto; padding: 0 1rem 2rem }
h1 { font-size: 1.5rem }
a { color: var(--accent) }
label, legend { font-weight: 600 }
input[type=text] { display: block; width: 100%; font: 1.25rem ui-monospace, monospace; letter-spacing: .15em;
  padding: .5rem; border: 1px solid var(--line); border-radius: .25rem; text-transform: uppercase }
fieldset { border: 1px solid var(--line); border-radius: .25rem; margin: 1rem 0; padding: .5rem 1rem }
.person { display: flex; gap: .75rem; padding: .5rem 0; font-weight: 400; align-items: baseline }
.person small { display: block }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem }
button { font: inherit; padding: .6rem 1.25rem; border-radius: .25rem; border: 1px solid var(--accent);
  background: transparent; color: inherit; min-height: 2.75rem }
button.main { background: #0b5c8a; border-color: #0b5c8a; color: #fff }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.alert { border-left: .3rem solid #b3261e; padding: .5rem 1rem }
.done { border-left: .3rem solid #1c7c34; padding: .5rem 1rem }
dl { margin: 0 } dt { font-weight: 600; margin-top: .75rem } dd { margin: 0; overflow-wrap: anywhere }
`
