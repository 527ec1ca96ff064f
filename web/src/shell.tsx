import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { HealthView } from '#src/api/schema/health.ts'
import type { SessionView } from '#src/api/schema/session.ts'
import { ask } from './api-client.ts'
import { CommonArea } from './common-area/common-area.tsx'
import { onEvent, startEvents, useLink } from './event-stream.ts'
import { CallLog } from './pages/call-log.tsx'
import { LiveCalls } from './pages/live-calls.tsx'
import { People } from './pages/people.tsx'
import { Phones } from './pages/phones.tsx'
import { Settings } from './pages/settings.tsx'
import { Status } from './pages/status.tsx'
import { pages, usePage, type PageId } from './router.ts'
import { SetupMark } from './setup/setup-mark.tsx'
import { Setup } from './setup/setup.tsx'
import { Notice } from './ui/notice.tsx'
import { LabBadge } from './ui/state.tsx'

const views: Record<PageId, () => VNode> = {
  status: Status,
  phones: Phones,
  'common-area': CommonArea,
  people: People,
  live: LiveCalls,
  log: CallLog,
  settings: Settings,
  setup: Setup,
}

/** Navigation around the page in view; keeps the event stream open as long as it stands. */
export function Shell(props: { session: SessionView; onLoggedOut: () => void }): VNode {
  const page = usePage()
  const [lab, setLab] = useState(props.session.lab)
  const [health, setHealth] = useState<HealthView['state']>()
  useEffect(() => {
    const stopHealth = onEvent('health', (now) => {
      setLab(now.lab)
      setHealth(now.state)
    })
    const stop = startEvents()
    return () => {
      stop()
      stopHealth()
    }
  }, [])
  const logOut = (): void => {
    void ask('POST', '/api/logout')
      .catch(() => undefined)
      .then(props.onLoggedOut)
  }
  const View = views[page]
  return (
    <div class="shell">
      <a class="skip" href="#content" onClick={skipToContent}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href="#/status">
          <img src="/icon.svg" alt="" width="28" height="28" /> Branchline
        </a>
        {lab && <LabBadge />}
        <button type="button" class="quiet small logout" onClick={logOut}>
          Log out
        </button>
      </header>
      <nav class="nav" aria-label="Pages">
        {pages.map(({ id, title, short }) => (
          <a key={id} href={`#/${id}`} aria-current={id === page ? 'page' : undefined}>
            <NavIcon id={id} />
            <span class="long">{title}</span>
            <span class="short" aria-hidden="true">
              {short}
            </span>
            {id === 'status' && (health === 'degraded' || health === 'failed') && (
              <span class="nav-mark" role="img" aria-label="needs attention" />
            )}
            {id === 'setup' && <SetupMark page={page} />}
          </a>
        ))}
      </nav>
      <main id="content" tabIndex={-1}>
        <LinkNotice />
        <View key={page} />
      </main>
    </div>
  )
}

function skipToContent(event: Event): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

/** Says that what is shown may be old; not for a blink. */
function LinkNotice(): VNode | null {
  const up = useLink()
  const [shown, setShown] = useState(false)
  useEffect(() => {
    if (up) {
      setShown(false)
      return
    }
    const timer = window.setTimeout(() => setShown(true), 2_500)
    return () => window.clearTimeout(timer)
  }, [up])
  if (!shown) return null
  return (
    <Notice tone="warn" title="No connection to the box.">
      What you see may be out of date. The page reconnects by itself.
    </Notice>
  )
}

const iconPaths: Record<PageId, string> = {
  status: 'M4 13h4l2-6 4 10 2-4h4',
  phones: 'M7 3h10v18H7zM10 18h4',
  'common-area': 'M4 21V8l8-5 8 5v13M9 21v-6h6v6M8 11h2M14 11h2',
  people: 'M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 4-6 8-6s8 2 8 6',
  live: 'M5 5c0 8 6 14 14 14l1-4-5-2-2 2c-2-1-4-3-5-5l2-2-2-5z',
  log: 'M5 6h14M5 12h14M5 18h9',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M13 4v6M7 14v6',
  setup: 'M4 6l2 2 3-4M4 13l2 2 3-4M4 20l2 2 3-4M13 6h7M13 13h7M13 20h7',
}

function NavIcon(props: { id: PageId }): VNode {
  return (
    <svg class="nav-icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <path d={iconPaths[props.id]} />
    </svg>
  )
}
