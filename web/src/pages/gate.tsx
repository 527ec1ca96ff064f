import type { ComponentChildren, VNode } from 'preact'
import { LabBadge } from '../ui/state.tsx'

/** The frame of what stands before the pages: claim and login. */
export function Gate(props: { title: string; lab: boolean; children: ComponentChildren }): VNode {
  return (
    <main class="gate">
      <div class="gate-card">
        <p class="brand">
          <img src="/icon.svg" alt="" width="32" height="32" /> Branchline {props.lab && <LabBadge />}
        </p>
        <h1>{props.title}</h1>
        {props.children}
      </div>
    </main>
  )
}
