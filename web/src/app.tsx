import type { VNode } from 'preact'
import { useCallback, useEffect, useState } from 'preact/hooks'
import type { SessionView } from '#src/api/schema/session.ts'
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

  if (!session) {
    return <main class="gate">{failure ? <Failure failure={failure} onRetry={refresh} /> : <Loading />}</main>
  }
  if (session.claimed === null) return <NoStore lab={session.lab} onRetry={refresh} />
  if (!session.claimed) return <Claim lab={session.lab} onSession={setSession} />
  if (!session.loggedIn) return <Login lab={session.lab} onSession={setSession} />
  return <Shell session={session} onLoggedOut={refresh} />
}
