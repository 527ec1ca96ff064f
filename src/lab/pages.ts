import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type, type Static } from 'typebox'
import type { LabAccount, LabAccounts } from './accounts.ts'
import type { DeviceCodes } from './entra/device-codes.ts'
import { html, labPage, labStyles, type Html } from './html.ts'

/** What the lab's pages work with. */
export interface PageParts {
  codes: DeviceCodes
  accounts: LabAccounts
}

const codeQuery = Type.Object({ code: Type.Optional(Type.String({ maxLength: 32 })) })
const decisionForm = Type.Object({
  code: Type.String({ maxLength: 32 }),
  /** Short name or user principal name; not needed to decline. */
  person: Type.Optional(Type.String({ maxLength: 128 })),
  verdict: Type.Union([Type.Literal('approve'), Type.Literal('decline')]),
})

type Answers = { code: string; person: string | undefined }

/** Registers the page where a person enters the code of a phone, and the list of the lab's people. */
export function registerPages(app: FastifyInstance, parts: PageParts): void {
  const { codes, accounts } = parts

  const send = (reply: FastifyReply, status: number, title: string, body: Html): FastifyReply =>
    reply.code(status).type('text/html; charset=utf-8').send(labPage(title, body))

  const sendForm = (
    reply: FastifyReply,
    status: number,
    answers: Answers,
    complaint?: string,
  ): FastifyReply => {
    const people = accounts.list().filter((account) => account.canSignIn)
    return send(reply, status, 'Sign in on a phone', loginForm(people, answers, complaint))
  }

  app.get('/lab.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(labStyles))

  app.get('/', (_request, reply) => send(reply, 200, 'Lab tenant', peopleList(accounts.list())))

  app.get<{ Querystring: Static<typeof codeQuery> }>(
    '/devicelogin',
    { schema: { querystring: codeQuery } },
    (request, reply) => sendForm(reply, 200, { code: request.query.code ?? '', person: undefined }),
  )

  app.post<{ Body: Static<typeof decisionForm> }>(
    '/devicelogin',
    { schema: { body: decisionForm }, attachValidation: true },
    (request, reply) => {
      if (request.validationError) {
        return sendForm(reply, 400, { code: '', person: undefined }, 'Enter the code and choose a person.')
      }
      const { code, person, verdict } = request.body
      const again = (complaint: string): FastifyReply => sendForm(reply, 400, { code, person }, complaint)
      if (!codes.isWaiting(code)) {
        return again('This code is not waiting: it was mistyped, has expired, or was used already.')
      }
      if (verdict === 'decline') {
        codes.decide(code, { kind: 'decline' })
        return send(reply, 200, 'Declined', html`<p class="done" role="status">Nobody was signed in.</p>`)
      }
      const account = accounts.list().find((one) => one.key === person || one.upn === person)
      if (!account?.canSignIn) return again('Choose the person who signs in.')
      if (!account.enabled) return again('This account is disabled.')
      codes.decide(code, { kind: 'approve', personId: account.id })
      return send(
        reply,
        200,
        'Approved',
        html`<p class="done" role="status">
          ${account.displayName} approved the sign-in. The phone finds out within seconds; it also says when
          something is missing, for example a licence.
        </p>`,
      )
    },
  )
}

function loginForm(people: LabAccount[], answers: Answers, complaint: string | undefined): Html {
  const alert =
    complaint === undefined ? html`` : html`<p class="alert" role="alert" id="complaint">${complaint}</p>`
  return html`${alert}
    <form method="post" action="/devicelogin">
      <label for="code">Code shown or spoken by the phone</label>
      <input
        type="text"
        id="code"
        name="code"
        value="${answers.code}"
        required
        maxlength="32"
        autocomplete="off"
        autocapitalize="characters"
        spellcheck="false"
      />
      <fieldset>
        <legend>Who signs in? The lab asks for no password.</legend>
        ${people.map((one) => personChoice(one, answers.person))}
      </fieldset>
      <div class="buttons">
        <button class="main" name="verdict" value="approve">Approve</button>
        <button name="verdict" value="decline" formnovalidate>Decline</button>
      </div>
    </form>`
}

function personChoice(account: LabAccount, chosen: string | undefined): Html {
  const checked = account.key === chosen || account.upn === chosen ? 'checked' : ''
  return html`<label class="person">
    <input type="radio" name="person" value="${account.key}" required ${checked} />
    <span>${account.displayName} <small>${account.number ?? 'no number'}. ${account.purpose}</small></span>
  </label>`
}

function peopleList(people: LabAccount[]): Html {
  return html`<p><a href="/devicelogin">Enter the code of a phone</a></p>
    <h2>People</h2>
    <dl>
      ${people.map(
        (one) =>
          html`<dt>${one.displayName}</dt>
            <dd>${one.number ?? 'no number'}</dd>
            <dd>${one.purpose}</dd>`,
      )}
    </dl>`
}
