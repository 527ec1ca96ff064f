import { ApplianceError } from '#src/base/errors.ts'
import { isSubnet } from '#src/base/net.ts'
import { audit, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import type { SettingsService } from '../ports.ts'
import { errors } from '../schema/answers.ts'
import { addressParams, allowBody, allowListView, banListView } from '../schema/bans.ts'
import { noContent } from '../schema/common.ts'
import { viewBans } from '../views/bans.ts'

const tags = ['security']

/** Who is shut out of SIP, the way back in, and who is never shut out. */
export function banRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/bans',
    {
      schema: {
        summary: 'Addresses that are shut out of SIP, why and until when',
        tags,
        response: { 200: banListView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => viewBans(need(context, 'bans'), allowListOf(need(context, 'settings'))),
  )

  api.delete(
    '/api/bans/:address',
    {
      schema: {
        summary: 'Let an address in again, with a clean record',
        tags,
        params: addressParams,
        response: { 204: noContent, ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING') },
      },
    },
    (request, reply) => {
      const { address } = request.params
      if (!need(context, 'bans').letIn(address)) {
        throw new ApplianceError(
          'NOT_FOUND',
          {},
          { text: 'This address is not shut out; its time may be over.' },
        )
      }
      audit(context, { action: 'ban.lift', subject: address })
      void reply.status(204).send(null)
    },
  )

  api.post(
    '/api/allow-list',
    {
      schema: {
        summary: 'Never shut out this address or network (setting sip.allowList), and let it in if it is',
        tags,
        body: allowBody,
        response: {
          200: allowListView,
          ...errors(
            'INVALID',
            'CONFIG_INVALID',
            'CONFLICT',
            'ORIGIN_REFUSED',
            'PART_NOT_RUNNING',
            'STORE_FAILED',
          ),
        },
      },
    },
    async (request) => {
      const { address } = request.body
      if (!isSubnet(address)) {
        throw new ApplianceError(
          'INVALID',
          { field: 'address' },
          { text: 'This is neither an address nor a network such as 192.0.2.0/24.' },
        )
      }
      const settings = need(context, 'settings')
      const before = allowListOf(settings)
      if (before.includes(address)) return { allowList: before }
      const { etag } = settings.read()
      const allowList = [...before, address]
      const changed = await settings.change({ sip: { allowList } }, etag)
      audit(context, { action: 'allowList.add', subject: address })
      context.events.publish('settingsChanged', { etag: changed.etag })
      context.events.publish('bansChanged', { address })
      return { allowList }
    },
  )
}

function allowListOf(settings: SettingsService): string[] {
  const { sip } = settings.read().effective as { sip?: { allowList?: string[] } }
  return sip?.allowList ?? []
}
