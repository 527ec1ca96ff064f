import { Type } from 'typebox'
import { ApplianceError } from '#src/base/errors.ts'
import { audit, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import {
  checkIds,
  checkView,
  setupView,
  siteBody,
  siteView,
  stepIds,
  type SiteView,
} from '../schema/setup.ts'
import { CheckRunner } from '../setup/checks/run-check.ts'
import { countries } from '../setup/countries.ts'
import { localTime } from '../setup/evidence/place.ts'
import { savedSettings, saveSettings } from '../setup/saved-settings.ts'
import { canSkip, progressOf, viewSetup } from '../setup/setup-state.ts'

/** The setup wizard: where it stands, live checks, steps left for later, and the place of the box. */
export function setupRoutes(api: Api, context: ApiContext): void {
  const checks = new CheckRunner()
  api.addHook('onClose', async () => checks.stop())

  api.get(
    '/api/setup',
    {
      schema: {
        summary: 'Where the setup stands, step by step, by evidence',
        tags: ['setup'],
        response: { 200: setupView, ...errors('PART_NOT_RUNNING', 'STORE_FAILED') },
      },
    },
    (request) => viewSetup(context, request),
  )

  api.post(
    '/api/setup/:step/skip',
    {
      schema: {
        summary: 'Leave a step for later; doing it takes that back',
        tags: ['setup'],
        params: Type.Object({ step: Type.Enum(stepIds) }),
        response: {
          200: setupView,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request) => {
      const { step } = request.params
      if (!canSkip(step)) {
        throw new ApplianceError('NOT_FOUND', { step }, { text: 'This step cannot be left for later.' })
      }
      progressOf(context).skip(step)
      audit(context, { action: 'setup.skip', subject: step })
      return viewSetup(context, request)
    },
  )

  api.post(
    '/api/setup/checks/:check',
    {
      schema: {
        summary: 'Run one live check now; it ends within ten seconds',
        tags: ['setup'],
        params: Type.Object({ check: Type.Enum(checkIds) }),
        response: { 200: checkView, ...errors('ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED') },
      },
    },
    async (request) => {
      const result = await checks.run(request.params.check, context)
      progressOf(context).noteCheck(result)
      return result
    },
  )

  api.get(
    '/api/setup/site',
    {
      schema: {
        summary: 'Country, time, language and emergency numbers, and what is usual in each country',
        tags: ['setup'],
        response: { 200: siteView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => viewSite(context),
  )

  api.put(
    '/api/setup/site',
    {
      schema: {
        summary: 'Say where the box stands',
        tags: ['setup'],
        body: siteBody,
        response: {
          200: siteView,
          ...errors(
            ...(['CONFIG_INVALID', 'CONFLICT', 'HOST_FAILED', 'HOST_UNSUPPORTED'] as const),
            ...(['ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'] as const),
          ),
        },
      },
    },
    async (request) => {
      const { withoutEmergencyNumbers = false, ...site } = request.body
      if (localTime(0, site.timeZone) === undefined) {
        throw invalid('timeZone', `${site.timeZone} is no time zone; choose one from the list.`)
      }
      if (site.emergencyNumbers.length === 0 && !withoutEmergencyNumbers) {
        throw invalid('emergencyNumbers', 'Without an emergency number nobody here can call for help.')
      }
      // The machine first: should it refuse, nothing is saved that is not so.
      await setMachineZone(context, site.timeZone)
      await saveSettings(
        context,
        { site },
        Object.keys(site).map((name) => `site.${name}`),
      )
      return viewSite(context)
    },
  )
}

function viewSite(context: ApiContext): SiteView {
  const { document } = need(context, 'settings').read()
  const { country, timeZone, language, ntpServers, emergencyNumbers } = savedSettings(context).site
  return {
    country,
    timeZone,
    language,
    ntpServers,
    emergencyNumbers,
    saved: (document.site as Record<string, unknown> | undefined)?.country !== undefined,
    nowMs: context.options.clock.nowMs(),
    setsTimeZone: context.parts.host?.ownsMachine ?? false,
    countries: [...countries],
    timeZones: [
      ...new Set([...Intl.supportedValuesOf('timeZone'), ...countries.map((one) => one.timeZone), timeZone]),
    ].sort(),
  }
}

async function setMachineZone(context: ApiContext, timeZone: string): Promise<void> {
  const { host } = context.parts
  if (host?.ownsMachine) await host.setTimeZone(timeZone)
}

function invalid(field: string, text: string): ApplianceError {
  return new ApplianceError('INVALID', { field, in: 'body' }, { text })
}
