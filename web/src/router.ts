import { useEffect, useRef, useState } from 'preact/hooks'

/** The pages, in the order of the navigation. */
export const pages = [
  { id: 'status', title: 'Status', short: 'Status' },
  { id: 'phones', title: 'Phones', short: 'Phones' },
  { id: 'common-area', title: 'Common areas', short: 'Areas' },
  { id: 'people', title: 'People', short: 'People' },
  { id: 'live', title: 'Live calls', short: 'Live' },
  { id: 'log', title: 'Call log', short: 'Log' },
  { id: 'settings', title: 'Settings', short: 'Settings' },
  { id: 'setup', title: 'Setup', short: 'Setup' },
] as const

export type PageId = (typeof pages)[number]['id']

function current(): PageId {
  // What follows a second slash belongs to the page: a step of the setup.
  const id = location.hash.replace(/^#\/?/, '').split('/')[0]
  return pages.find((page) => page.id === id)?.id ?? 'status'
}

/** The page that the address names; moves focus to the content when it changes, so that it is read aloud. */
export function usePage(): PageId {
  const [page, setPage] = useState(current)
  const shown = useRef(page)
  useEffect(() => {
    const follow = (): void => {
      const next = current()
      // Within a page the page itself knows where the focus belongs, and may have put it there by now.
      if (next === shown.current) return
      shown.current = next
      setPage(next)
      window.scrollTo(0, 0)
      document.getElementById('content')?.focus()
    }
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  useEffect(() => {
    document.title = `${pages.find(({ id }) => id === page)?.title ?? ''} · Branchline`
  }, [page])
  return page
}
