import type { FastifyReply, FastifyRequest } from 'fastify'
import { audit, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors, publicErrors } from '../schema/answers.ts'
import { noContent } from '../schema/common.ts'
import { claimBody, loginBody, passwordBody, sessionView, type SessionView } from '../schema/session.ts'

/** The session cookie; the prefix makes browsers insist on Secure, path / and no domain. */
export const cookieName = '__Host-branchline'

const cookieOptions = { path: '/', httpOnly: true, secure: true, sameSite: 'strict' } as const
// Beside the slowing down of guesses: what one address may send at all.
const rateLimit = { max: 60, timeWindow: 60_000 }

/** Claim, login, logout, password and the question what to show first. */
export function sessionRoutes(api: Api, context: ApiContext): void {
  const { owner, sessions, throttle } = context

  const logIn = (request: FastifyRequest, reply: FastifyReply): SessionView => {
    throttle.succeed(request.ip)
    void reply.setCookie(cookieName, sessions.create(), cookieOptions)
    return viewSession(context, true)
  }

  api.get(
    '/api/session',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Whether the box has an owner and this browser is logged in',
        tags: ['session'],
        response: { 200: sessionView, ...publicErrors() },
      },
    },
    (request) => viewSession(context, sessions.isLive(request.cookies[cookieName], true)),
  )

  api.post(
    '/api/claim',
    {
      config: { access: 'public', rateLimit },
      schema: {
        summary: 'Claim the box with the code from its console, and log in',
        tags: ['session'],
        body: claimBody,
        response: {
          200: sessionView,
          ...publicErrors('CLAIM_CODE_WRONG', 'ALREADY_CLAIMED', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING'),
        },
      },
    },
    async (request, reply) => {
      throttle.admit(request.ip)
      await owner.claim(request.body.code, request.body.password)
      audit(context, { action: 'box.claim', subject: 'box', details: { from: request.ip } })
      return logIn(request, reply)
    },
  )

  api.post(
    '/api/login',
    {
      config: { access: 'public', rateLimit },
      schema: {
        summary: 'Log in as the admin',
        tags: ['session'],
        body: loginBody,
        response: {
          200: sessionView,
          ...publicErrors('PASSWORD_WRONG', 'NOT_CLAIMED', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING'),
        },
      },
    },
    async (request, reply) => {
      throttle.admit(request.ip)
      await owner.checkPassword(request.body.password)
      audit(context, { action: 'admin.login', subject: 'admin', details: { from: request.ip } })
      return logIn(request, reply)
    },
  )

  api.post(
    '/api/logout',
    {
      schema: {
        summary: 'End this login',
        tags: ['session'],
        response: { 204: noContent, ...errors('ORIGIN_REFUSED') },
      },
    },
    (request, reply) => {
      const id = request.cookies[cookieName]
      if (id !== undefined) sessions.remove(id)
      context.events.dropDisallowed()
      void reply.clearCookie(cookieName, cookieOptions).status(204).send(null)
    },
  )

  api.post(
    '/api/password',
    {
      config: { rateLimit },
      schema: {
        summary: 'Change the admin password; every other login ends',
        tags: ['session'],
        body: passwordBody,
        response: { 204: noContent, ...errors('PASSWORD_WRONG', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING') },
      },
    },
    async (request, reply) => {
      throttle.admit(request.ip)
      await owner.checkPassword(request.body.currentPassword)
      await owner.changePassword(request.body.newPassword)
      throttle.succeed(request.ip)
      sessions.removeOthers(request.cookies[cookieName])
      context.events.dropDisallowed()
      audit(context, { action: 'admin.password', subject: 'admin' })
      return reply.status(204).send(null)
    },
  )
}

function viewSession(context: ApiContext, loggedIn: boolean): SessionView {
  const { lab, version } = context.options.health()
  return { claimed: context.owner.claimed ?? null, loggedIn, lab, version }
}
