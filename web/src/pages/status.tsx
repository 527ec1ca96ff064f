import type { ComponentChildren, VNode } from 'preact'
import type { StatusView, TrunkView } from '#src/api/schema/health.ts'
import type { LabView } from '#src/api/schema/people.ts'
import { count, formatAgo, formatSpan } from '../format.ts'
import { ShutOut } from '../settings/shut-out.tsx'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { State, type Light } from '../ui/state.tsx'
import { useNow, useResource } from '../use-resource.ts'
import { PartList } from './part-list.tsx'

/** What works, what does not and how to mend it, and what to do next on a new box. */
export function Status(): VNode {
  const { data, failure, reload } = useResource<StatusView>('/api/status', [
    'health',
    'bindingChanged',
    'devicesChanged',
    'policiesChanged',
    'callStarted',
    'callEnded',
    'trunkChanged',
    'signedIn',
    'signedOut',
  ])
  return (
    <>
      <h1>Status</h1>
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && (
        <>
          <Headline status={data} />
          <Figures status={data} />
          {inRescue(data) ? <Rescue /> : <FirstSteps status={data} />}
          <section aria-labelledby="trunks">
            <h2 id="trunks">Trunks</h2>
            <Trunks trunks={data.trunks} running={data.callsRunning} />
          </section>
          {data.health.lab && <Lab />}
          <ShutOut onlyWhenSome />
          <section aria-labelledby="parts">
            <h2 id="parts">Parts of the box</h2>
            <PartList parts={data.health.parts} />
            <p class="footnote">
              Version {data.health.version}, up for {formatSpan(data.health.uptimeS * 1000)}.{' '}
              <a href="/ca.pem">The box’s CA certificate</a>: trust it once and browsers stop warning.
            </p>
          </section>
        </>
      )}
    </>
  )
}

function Headline(props: { status: StatusView }): VNode {
  const { health, trunks } = props.status
  const wrong = health.parts.filter((part) => part.state === 'failed' || part.state === 'degraded')
  const own = trunks.filter((trunk) => !wrong.some((part) => part.name === trunk.name))
  const down = own.filter((trunk) => trunk.state === 'down' && !isUntried(trunk))
  const limping = own.filter((trunk) => trunk.state === 'degraded')
  const total = wrong.length + down.length + limping.length
  if (total > 0) {
    const broken = down.length > 0 || wrong.some((part) => part.state === 'failed')
    return (
      <Notice
        tone={broken ? 'bad' : 'warn'}
        title={`${count(total, 'thing needs', 'things need')} your attention`}
      >
        <ul class="problems">
          {wrong.map((part) => (
            <li key={part.name}>
              <strong>{part.name}:</strong> {part.detail} {part.advice}
            </li>
          ))}
          {limping.map((trunk) => (
            <li key={trunk.name}>
              <strong>Trunk {trunk.name}:</strong> calls work, but {silentHosts(trunk)} gives no answer.
            </li>
          ))}
          {down.map((trunk) => (
            <li key={trunk.name}>
              <strong>Trunk {trunk.name}:</strong> no host of it answers; calls through it fail. Calls inside
              the office go on.
            </li>
          ))}
        </ul>
      </Notice>
    )
  }
  if (health.state === 'starting') return <Notice tone="info" title="The box is starting." />
  if (!props.status.signInRunning) {
    return <Notice tone="info" title="Everything that is set up works; there is no tenant yet." />
  }
  return <Notice tone="ok" title="Everything works." />
}

/** No host was heard or missed so far: the box has only just started. */
function isUntried(trunk: TrunkView): boolean {
  return trunk.hosts.every((host) => !host.up && host.lastOkAtMs === null && host.lastError === null)
}

function silentHosts(trunk: TrunkView): string {
  return trunk.hosts.flatMap((host) => (host.up ? [] : [host.name])).join(', ')
}

function Figures(props: { status: StatusView }): VNode {
  const { counts } = props.status
  const figures: [string, string, string][] = [
    ['#/phones', `${counts.registeredLines} / ${counts.lines}`, 'phones registered'],
    ['#/people', String(counts.signedInLines), 'signed in'],
    ['#/live', String(counts.liveCalls), counts.liveCalls === 1 ? 'live call' : 'live calls'],
    ['#/log', String(counts.loggedCalls), 'calls in the log'],
  ]
  return (
    <ul class="figures">
      {figures.map(([href, value, name]) => (
        <li key={name}>
          <a href={href}>
            <strong>{value}</strong>
            <span>{name}</span>
          </a>
        </li>
      ))}
    </ul>
  )
}

/** True while saved settings cannot be used: then only this page runs, and a tenant is not what is missing. */
function inRescue({ health }: StatusView): boolean {
  return health.parts.some(({ name, state }) => name === 'settings' && state === 'failed')
}

/** What is true and what to do while only the page runs. */
function Rescue(): VNode {
  return (
    <section aria-labelledby="rescue" class="card">
      <h2 id="rescue">Only this page runs</h2>
      <p>
        The settings cannot be used as they are, so the box has started nothing else: no phone can register,
        no call can be made.
      </p>
      <ol class="sign-in-steps">
        <li>
          Mend the settings: <a href="#/settings">Settings</a> names what was saved wrongly and takes it out.
          What stands in a configuration file is mended there.
        </li>
        <li>Restart the box. Phones, people and passwords are still there.</li>
      </ol>
    </section>
  )
}

/** The way of a new box to its first call; gone once it is walked. */
function FirstSteps(props: { status: StatusView }): VNode | null {
  const { counts, signInRunning, sipDevicesAllowed } = props.status
  const steps: { done: boolean; text: ComponentChildren }[] = [
    {
      done: signInRunning,
      text: (
        <>
          Choose a tenant in the <a href="#/setup/teams">Setup</a>: Microsoft, or the lab to try things out.
        </>
      ),
    },
    {
      done: sipDevicesAllowed,
      text: (
        <>
          Allow calling from SIP devices under <a href="#/people">People</a>: for everybody, or for some.
        </>
      ),
    },
    {
      done: counts.devices > 0,
      text: (
        <>
          Add a phone under <a href="#/phones">Phones</a>.
        </>
      ),
    },
    {
      done: counts.registeredLines > 0,
      text: 'Enter its credentials on the phone, or scan the code: it registers.',
    },
    {
      done: counts.signedInLines > 0,
      text: (
        <>
          Sign somebody in: dial <code>*50*</code> on the phone, or use <a href="#/phones">Phones</a>.
        </>
      ),
    },
  ]
  const next = steps.findIndex((step) => !step.done)
  if (next < 0) return null
  return (
    <section aria-labelledby="first-steps">
      <h2 id="first-steps">To the first call</h2>
      <p>
        <a href="#/setup">Setup</a> leads through all of this, step by step.
      </p>
      <ol class="steps">
        {steps.map((step, index) => (
          <li key={index} class={step.done ? 'done' : index === next ? 'next' : ''}>
            <span class="step-sign" aria-hidden="true">
              {step.done ? '✓' : index + 1}
            </span>
            <span>
              {step.text}
              {step.done && <span class="visually-hidden"> (done)</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}

const trunkLights: Record<TrunkView['state'], Light> = { up: 'ok', degraded: 'warn', down: 'bad', off: 'off' }

function Trunks(props: { trunks: TrunkView[]; running: boolean }): VNode {
  const now = useNow()
  if (!props.running) return <p class="muted">The call side is not running; see the parts below.</p>
  const trunks = props.trunks.filter(({ state }) => state !== 'off')
  if (trunks.length === 0) {
    return (
      <p class="muted">
        No trunk yet: calls stay inside the office. A tenant (<a href="#/setup/teams">Setup</a>) brings the
        trunk to Teams.
      </p>
    )
  }
  return (
    <ul class="rows trunks">
      {trunks.map((trunk) => (
        <li key={trunk.name}>
          <span class="part-name">{trunk.name}</span>
          {trunk.state === 'down' && isUntried(trunk) ? (
            <State light="wait">connecting</State>
          ) : (
            <State light={trunkLights[trunk.state]}>{trunk.state}</State>
          )}
          <ul class="hosts">
            {trunk.hosts.map((host) => (
              <li key={host.name}>
                <HostState host={host} /> {host.name}
                <span class="muted">
                  {!host.up && host.lastError ? ` · ${host.lastError}` : ''}
                  {host.lastOkAtMs
                    ? ` · last answer ${formatAgo(host.lastOkAtMs, now)}`
                    : ' · never answered'}
                </span>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  )
}

function HostState(props: { host: TrunkView['hosts'][number] }): VNode {
  const { host } = props
  if (host.up) return <State light="ok">answers</State>
  const tried = host.lastOkAtMs !== null || host.lastError !== null
  return tried ? <State light="bad">silent</State> : <State light="wait">not tried yet</State>
}

function Lab(): VNode {
  const { data, failure, reload } = useResource<LabView>('/api/lab')
  return (
    <section aria-labelledby="lab" class="lab-section">
      <h2 id="lab">The lab tenant</h2>
      <p>
        Teams, Entra and Graph are local stand-ins: nothing leaves the box, no Microsoft account is needed.
        {data?.pageUrl && (
          <>
            {' '}
            Sign-in codes are entered at{' '}
            <a href={data.pageUrl} target="_blank" rel="noreferrer">
              {data.pageUrl}
            </a>
            .
          </>
        )}
      </p>
      <Failure failure={failure} onRetry={reload} />
      <ul class="rows lab-people">
        {data?.people.map((person) => (
          <li key={person.id}>
            <span class="part-name">{person.displayName}</span>
            <code>{person.number ?? 'no number'}</code>
            <span class="part-detail">
              {person.purpose} {person.canSignIn && <span class="muted">{person.upn}</span>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
