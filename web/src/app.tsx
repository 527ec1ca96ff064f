import type { VNode } from 'preact'
import { useCallback, useEffect, useState } from 'preact/hooks'
import type { SessionView } from '#src/api/schema/session.ts'
import type { SetupView } from '#src/api/schema/setup.ts'
import { ask, asFailure, setLoggedOutListener, type ApiFailure } from './api-client.ts'
import { Claim } from './pages/claim.tsx'
import { Login } from './pages/login.tsx'
import { NoStore } from './pages/no-store.tsx'
import { Shell } from './shell.tsx'
import { Failure, Loading } from './ui/notice.tsx'

/** Asks the box what to show first: claim, login, or the pages. */
export function App(): VNode {
  const [session, setSession] = useState<SessionView>()
  const [failure, setFailure] = useState<ApiFailure>()
  const refresh = useCallback(() => {
    ask<SessionView>('GET', '/api/session').then(
      (answer) => {
        setSession(answer)
        setFailure(undefined)
      },
      (error: unknown) => setFailure(asFailure(error)),
    )
  }, [])
  useEffect(() => {
    setLoggedOutListener(refresh)
    refresh()
  }, [refresh])

  const loggedIn = session?.loggedIn === true
  const [led, setLed] = useState(false)
  useEffect(() => {
    setLed(false)
    if (loggedIn) void leadOn().then(() => setLed(true))
  }, [loggedIn])

  if (!session || (loggedIn && !led)) {
    return <main class="gate">{failure ? <Failure failure={failure} onRetry={refresh} /> : <Loading />}</main>
  }
  if (session.claimed === null) return <NoStore lab={session.lab} onRetry={refresh} />
  if (!session.claimed) return <Claim lab={session.lab} onSession={setSession} />
  if (!session.loggedIn) return <Login lab={session.lab} onSession={setSession} />
  return <Shell session={session} onLoggedOut={refresh} />
}

/** Who comes without naming a page is led to where the setup stopped, if it did; and then, or on any failure, to the status. */
async function leadOn(): Promise<void> {
  if (!/^#?\/?$/.test(location.hash)) return
  try {
    const { resume } = await ask<SetupView>('GET', '/api/setup')
    if (resume !== null) location.replace(`#/setup/${resume}`)
  } catch {
    // The status page says what is wrong.
  }
}
