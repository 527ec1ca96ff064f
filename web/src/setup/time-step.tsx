import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { CountryView, SiteView } from '#src/api/schema/setup.ts'
import { ask } from '../api-client.ts'
import { SelectField, Switch, TextField } from '../ui/fields.tsx'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { useAction, useNow, useResource } from '../use-resource.ts'
import { useProblemFocus } from './focus.ts'
import { LiveChecks } from './live-checks.tsx'
import type { StepProps } from './steps.ts'
import { goOn, StepFrame } from './step-frame.tsx'

const languages: Readonly<Record<string, string>> = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  fr: 'Français',
  ja: '日本語',
  pt: 'Português',
}

interface Draft {
  country: string
  timeZone: string
  language: string
  ntpServers: string
  emergencyNumbers: string
}

/** Time and country: choosing the country fills in the rest, and each of it can be changed. */
export function TimeStep(props: StepProps): VNode {
  const { data, failure, reload } = useResource<SiteView>('/api/setup/site')
  const [draft, setDraft] = useState<Draft>()
  const [without, setWithout] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const save = useAction(async () => {
    if (!draft) return
    await ask('PUT', '/api/setup/site', { ...bodyOf(draft), withoutEmergencyNumbers: without })
    props.reload()
    goOn(props.step)
  })
  useEffect(() => {
    if (data && !draft) setDraft(firstDraft(data))
  }, [data])
  useProblemFocus(form, save.failure)
  const edit = (change: Partial<Draft>): void => {
    save.clear()
    setDraft((now) => now && { ...now, ...change })
  }
  const problemOf = (field: string): string | undefined =>
    save.failure?.field?.split('.').includes(field) ? save.failure.message : undefined
  const named = ['country', 'timeZone', 'language', 'ntpServers', 'emergencyNumbers'].some(problemOf)
  const empty = draft?.emergencyNumbers.trim() === ''
  return (
    <StepFrame
      step={props.step}
      primary={
        <button type="submit" form="time-form" class="primary" disabled={!draft || save.busy}>
          {save.busy ? 'Saving …' : 'Save and continue'}
        </button>
      }
    >
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && draft && (
        <form
          id="time-form"
          ref={form}
          class="card"
          onSubmit={(event) => {
            event.preventDefault()
            void save.run()
          }}
        >
          <SelectField
            label="Country"
            value={draft.country}
            onValue={(country) => edit(usual(data, country))}
            options={countryOptions(data, draft.country)}
            problem={problemOf('country')}
            hint="How numbers without a country code are read. Choosing it fills in what is usual there."
          />
          <TextField
            label="Emergency numbers"
            value={draft.emergencyNumbers}
            onValue={(emergencyNumbers) => edit({ emergencyNumbers })}
            problem={problemOf('emergencyNumbers')}
            inputMode="numeric"
            hint="Separated by commas. They can be dialled on every phone, also while nobody is signed in."
          />
          {empty && (
            <Notice tone="warn" title="Nobody here could call for help.">
              <Switch label="Save without any emergency number" on={without} onChange={setWithout} />
            </Notice>
          )}
          <SelectField
            label="Time zone"
            value={draft.timeZone}
            onValue={(timeZone) => edit({ timeZone })}
            options={data.timeZones.map((zone) => ({ value: zone, text: zone.replaceAll('_', ' ') }))}
            problem={problemOf('timeZone')}
            hint={<ZoneTime timeZone={draft.timeZone} sets={data.setsTimeZone} />}
          />
          <SelectField
            label="Language of the phones"
            value={draft.language}
            onValue={(language) => edit({ language })}
            options={languageOptions(draft.language)}
            problem={problemOf('language')}
            hint="As far as a phone speaks it; others stay English."
          />
          <TextField
            label="Time servers"
            value={draft.ntpServers}
            onValue={(ntpServers) => edit({ ntpServers })}
            problem={problemOf('ntpServers')}
            spellcheck={false}
            hint="At most four, separated by commas. Phones are told to use them."
          />
          {!named && <Failure failure={save.failure} />}
        </form>
      )}
      <section aria-labelledby="clock-check">
        <h2 id="clock-check">Is the clock right?</h2>
        <LiveChecks checks={[{ id: 'clock', title: 'Clock' }]} setup={props.setup} onResult={props.reload} />
      </section>
    </StepFrame>
  )
}

function ZoneTime(props: { timeZone: string; sets: boolean }): VNode {
  const now = useNow()
  const time = new Intl.DateTimeFormat(undefined, {
    timeZone: props.timeZone,
    weekday: 'long',
    hour: '2-digit',
    minute: '2-digit',
  }).format(now)
  return (
    <>
      There it is {time} by the clock of the box.
      {!props.sets && ' The clock of the machine itself is set by its operating system.'}
    </>
  )
}

/** What is saved; on a new box what is usual where this computer stands. */
function firstDraft(site: SiteView): Draft {
  if (!site.saved) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
    const here = site.countries.find(({ timeZone }) => timeZone === zone)
    const suggested = usual(site, here?.code ?? site.country)
    return { ...draftOf(site), ...suggested }
  }
  return draftOf(site)
}

function draftOf(site: SiteView): Draft {
  const { country, timeZone, language } = site
  const list = (values: readonly string[]): string => values.join(', ')
  return {
    country,
    timeZone,
    language,
    ntpServers: list(site.ntpServers),
    emergencyNumbers: list(site.emergencyNumbers),
  }
}

function usual(site: SiteView, code: string): Partial<Draft> & { country: string } {
  const known: CountryView | undefined = site.countries.find((country) => country.code === code)
  if (!known) return { country: code, emergencyNumbers: '112' }
  const { timeZone, language } = known
  return { country: code, timeZone, language, emergencyNumbers: known.emergencyNumbers.join(', ') }
}

function countryOptions(site: SiteView, chosen: string): { value: string; text: string }[] {
  const names = new Intl.DisplayNames(undefined, { type: 'region' })
  const codes = new Set([...site.countries.map(({ code }) => code), chosen])
  return [...codes]
    .map((code) => ({ value: code, text: names.of(code) ?? code }))
    .sort((a, b) => a.text.localeCompare(b.text))
}

function languageOptions(chosen: string): { value: string; text: string }[] {
  const known = Object.entries(languages).map(([value, text]) => ({ value, text }))
  return chosen in languages ? known : [...known, { value: chosen, text: chosen }]
}

function bodyOf(draft: Draft): Record<string, unknown> {
  const list = (text: string): string[] => text.split(/[\s,;]+/).filter(Boolean)
  const { country, timeZone, language } = draft
  return {
    country,
    timeZone,
    language,
    ntpServers: list(draft.ntpServers),
    emergencyNumbers: list(draft.emergencyNumbers),
  }
}
