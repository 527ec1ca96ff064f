import { ApplianceError } from '#src/base/errors.ts'
import { audit, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { noContent } from '../schema/common.ts'
import { factoryResetBody, factoryResetText, goingDown, hostView, timeZoneBody } from '../schema/host.ts'
import type { GoingDown } from '../schema/host.ts'

const rateLimit = { max: 60, timeWindow: 60_000 }

/** The machine below the box: reboot, factory reset, time zone. */
export function hostRoutes(api: Api, context: ApiContext): void {
  const { owner, throttle } = context
  const goDown = (): GoingDown => ({
    machine: need(context, 'host').ownsMachine,
    liveCalls: context.parts.pbx?.liveCalls().length ?? 0,
  })

  api.get(
    '/api/host',
    {
      schema: {
        summary: 'What the box may do to the machine below it',
        tags: ['box'],
        response: { 200: hostView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => ({
      ownsMachine: need(context, 'host').ownsMachine,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    }),
  )

  api.post(
    '/api/host/reboot',
    {
      schema: {
        summary: 'Reboot the machine; where it is not the box’s own, restart the program',
        tags: ['box'],
        response: { 202: goingDown, ...errors('HOST_FAILED', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING') },
      },
    },
    async (_request, reply) => {
      const host = need(context, 'host')
      audit(context, { action: 'host.reboot', subject: 'box' })
      await host.reboot('asked for on the page')
      void reply.status(202)
      return goDown()
    },
  )

  api.post(
    '/api/host/factory-reset',
    {
      config: { rateLimit },
      schema: {
        summary: 'Forget everything and start as a new box; asks for the password and a typed confirmation',
        tags: ['box'],
        body: factoryResetBody,
        response: {
          202: goingDown,
          ...errors(
            ...(['PASSWORD_WRONG', 'HOST_FAILED', 'DATA_DIR_UNUSABLE'] as const),
            ...(['ORIGIN_REFUSED', 'PART_NOT_RUNNING'] as const),
          ),
        },
      },
    },
    async (request, reply) => {
      const { password, confirmation } = request.body
      if (confirmation.trim().toLowerCase() !== factoryResetText)
        throw new ApplianceError(
          'INVALID',
          { field: 'confirmation', in: 'body' },
          { text: `Type “${factoryResetText}” to confirm.` },
        )
      const host = need(context, 'host')
      throttle.admit(request.ip)
      await owner.checkPassword(password)
      throttle.succeed(request.ip)
      audit(context, { action: 'host.factory-reset', subject: 'box', details: { from: request.ip } })
      await host.factoryReset('asked for on the page')
      void reply.status(202)
      return goDown()
    },
  )

  api.post(
    '/api/host/time-zone',
    {
      schema: {
        summary: 'Make a time zone the machine’s',
        tags: ['box'],
        body: timeZoneBody,
        response: {
          204: noContent,
          ...errors('HOST_UNSUPPORTED', 'HOST_FAILED', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING'),
        },
      },
    },
    async (request, reply) => {
      const { timeZone } = request.body
      refuseUnknownZone(timeZone)
      await need(context, 'host').setTimeZone(timeZone)
      audit(context, { action: 'host.time-zone', subject: 'box', details: { timeZone } })
      return reply.status(204).send(null)
    },
  )
}

function refuseUnknownZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch (error) {
    const text = `${timeZone} is not a time zone such as Europe/Berlin.`
    throw new ApplianceError('INVALID', { field: 'timeZone', in: 'body' }, { cause: error, text })
  }
}
