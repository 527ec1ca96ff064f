import { ApplianceError } from '#src/base/errors.ts'
import { codesCsv } from '#src/onboarding/codes-csv.ts'
import { readDeviceAddress } from '#src/onboarding/device-address.ts'
import { codeLifeMs } from '#src/onboarding/enrolment-code.ts'
import type { Announcement } from '#src/onboarding/ports.ts'
import { maxFileBytes } from '#src/onboarding/read-announcements.ts'
import { Type } from 'typebox'
import { audit, found, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { idParams, noContent } from '../schema/common.ts'
import {
  enrolmentsView,
  enrolmentView,
  newEnrolments,
  previewView,
  type NewEnrolments,
} from '../schema/enrolments.ts'
import { viewEnrolment, viewPreview } from '../views/enrolments.ts'

const tags = ['phones']
/** A thousand devices with the longest names and places. */
const listLimitBytes = 512 * 1024

/** Common area phones: announced one by one or by file, enrolled by dialling their code. */
export function enrolmentRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/enrolments',
    {
      schema: {
        summary: 'Announced common area phones with their codes and what became of them',
        tags,
        response: { 200: enrolmentsView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => ({ enrolments: need(context, 'onboarding').list().map(viewEnrolment), codeLifeMs }),
  )

  api.post(
    '/api/enrolments',
    {
      bodyLimit: listLimitBytes,
      schema: {
        summary: 'Announce common area phones: all of the list, or none; draws a code for each',
        tags,
        body: newEnrolments,
        response: {
          201: Type.Object({ enrolments: Type.Array(enrolmentView) }),
          ...errors('CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED', 'TOO_LARGE'),
        },
      },
    },
    (request, reply) => {
      const announcements = request.body.devices.map(readAnnouncement)
      const enrolments = need(context, 'onboarding').announce(announcements, 'admin').map(viewEnrolment)
      void reply.status(201)
      return { enrolments }
    },
  )

  api.post(
    '/api/enrolments/:id/code',
    {
      schema: {
        summary: 'Draw a new code for an announced phone; the old one works no more',
        tags,
        params: idParams,
        response: {
          200: enrolmentView,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request) => {
      const { id } = request.params
      return viewEnrolment(found(need(context, 'onboarding').renewCode(id, 'admin'), 'announced phone', id))
    },
  )

  api.delete(
    '/api/enrolments/:id',
    {
      schema: {
        summary: 'Take an announced phone off the list; one that is enrolled stays enrolled',
        tags,
        params: idParams,
        response: {
          204: noContent,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request, reply) => {
      const { id } = request.params
      found(need(context, 'onboarding').remove(id, 'admin') || undefined, 'announced phone', id)
      void reply.status(204).send(null)
    },
  )

  api.get(
    '/api/enrolments/codes.csv',
    {
      schema: {
        summary: 'The announced phones with their codes as a CSV file; noted in the audit log',
        tags,
        response: {
          200: { description: 'text/csv', content: { 'text/csv': { schema: Type.String() } } },
          ...errors('PART_NOT_RUNNING'),
        },
      },
    },
    (_request, reply) => {
      const announced = need(context, 'onboarding').list()
      audit(context, { action: 'enrolment.export', subject: `${announced.length} devices` })
      void reply
        .header('content-type', 'text/csv; charset=utf-8')
        .header('content-disposition', 'attachment; filename="common-area-phones.csv"')
        .send(codesCsv(announced))
    },
  )

  fileRoutes(api, context)
}

/** The one route that takes a file: no other learns to read its content type. */
function fileRoutes(api: Api, context: ApiContext): void {
  void api.register(async (scope: Api) => {
    scope.addContentTypeParser(
      ['text/csv', 'application/vnd.ms-excel', 'text/plain'],
      { parseAs: 'buffer', bodyLimit: maxFileBytes },
      (_request, body, done) => done(null, body),
    )
    scope.post(
      '/api/enrolments/preview',
      {
        bodyLimit: maxFileBytes,
        schema: {
          summary: 'What a CSV file (MAC, location, label) would announce, line by line; saves nothing',
          description:
            'The body is the file itself, as text/csv. Announce the good lines with POST /api/enrolments.',
          tags,
          response: { 200: previewView, ...errors('ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'TOO_LARGE') },
        },
      },
      (request) => {
        if (!Buffer.isBuffer(request.body)) {
          throw new ApplianceError('INVALID', {}, { text: 'Send the file itself, as text/csv.' })
        }
        return viewPreview(need(context, 'onboarding').preview(request.body))
      },
    )
  })
}

function readAnnouncement(device: NewEnrolments['devices'][number], index: number): Announcement {
  const address = readDeviceAddress(device.address)
  if (typeof address === 'string') {
    throw new ApplianceError('INVALID', { field: `devices.${index}.address`, index }, { text: address })
  }
  return { ...address, label: device.label.trim(), location: device.location.trim() }
}
