import type { FastifyRequest } from 'fastify'
import { ApplianceError } from '#src/base/errors.ts'
import { audit, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors, publicErrors } from '../schema/answers.ts'
import { noContent } from '../schema/common.ts'
import { networkConfirmBody, networkTrialBody, networkTrialStarted, networkView } from '../schema/network.ts'
import { readConfiguration, viewNetwork, viewTrial } from '../views/network.ts'
import { cookieName } from './session.ts'

const rateLimit = { max: 60, timeWindow: 60_000 }

/** The machine's network: shown, and changed with a trial that has to be confirmed over the new configuration. */
export function networkRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/network',
    {
      schema: {
        summary: 'The network as it is, as it was set, and what is on trial',
        tags: ['box'],
        response: { 200: networkView, ...errors('PART_NOT_RUNNING') },
      },
    },
    async () => viewNetwork(await need(context, 'network').view()),
  )

  api.post(
    '/api/network/trial',
    {
      schema: {
        summary: 'Try network settings for 60 seconds; kept when confirmed over the new address',
        tags: ['box'],
        body: networkTrialBody,
        response: {
          200: networkTrialStarted,
          ...errors('TRIAL_RUNNING', 'TRIAL_NONE', 'HOST_UNSUPPORTED', 'HOST_FAILED', ...always),
        },
      },
    },
    async (request) => {
      const configuration = readConfiguration(request.body)
      const network = need(context, 'network')
      audit(context, { action: 'network.trial', subject: 'network', details: { ...configuration } })
      const { trial, token } = await network.startTrial(configuration, request.ip)
      return { trial: viewTrial(trial), confirmToken: token }
    },
  )

  api.post(
    '/api/network/confirm',
    {
      // Public, because the browser has no cookie for the new address; the token of the trial takes its place.
      config: { access: 'public', rateLimit },
      schema: {
        summary:
          'Keep the network settings on trial; asked over the new address, logged in or with the token',
        tags: ['box'],
        body: networkConfirmBody,
        response: {
          204: noContent,
          ...publicErrors('UNAUTHENTICATED', 'TRIAL_NONE', 'TRIAL_UNPROVEN', 'STORE_FAILED', ...always),
        },
      },
    },
    async (request, reply) => {
      const network = need(context, 'network')
      if (!isLoggedIn(context, request) && !network.isTrialToken(request.body.token ?? ''))
        throw new ApplianceError('UNAUTHENTICATED')
      await network.confirm({ by: 'page', localAddress: request.socket.localAddress ?? '' })
      audit(context, { action: 'network.confirm', subject: 'network', details: { from: request.ip } })
      return reply.status(204).send(null)
    },
  )

  api.post(
    '/api/network/rollback',
    {
      schema: {
        summary: 'Take the network settings on trial back now',
        tags: ['box'],
        response: { 204: noContent, ...errors('TRIAL_NONE', ...always) },
      },
    },
    async (_request, reply) => {
      await need(context, 'network').rollBack()
      audit(context, { action: 'network.rollback', subject: 'network' })
      return reply.status(204).send(null)
    },
  )
}

const always = ['ORIGIN_REFUSED', 'PART_NOT_RUNNING'] as const

function isLoggedIn(context: ApiContext, request: FastifyRequest): boolean {
  return context.sessions.isLive(request.cookies[cookieName], true)
}
