import type { VNode } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { NetworkStateView, NetworkTrialBody, NetworkTrialStarted } from '#src/api/schema/network.ts'
import { ask } from '../api-client.ts'
import { Choices, SelectField, TextField } from '../ui/fields.tsx'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { useProblemFocus } from './focus.ts'
import { pageAt } from './network-trial.tsx'

interface Draft {
  mode: 'dhcp' | 'static'
  interface: string
  vlan: string
  address: string
  prefixLength: string
  gateway: string
  dns: string
}

/** New network settings; they are tried for a minute and go back by themselves unless they are confirmed. */
export function NetworkForm(props: { network: NetworkStateView; onTrial: () => void }): VNode {
  const { network } = props
  const [draft, setDraft] = useState(() => draftOf(network))
  const form = useRef<HTMLFormElement>(null)
  const set = (change: Partial<Draft>): void => setDraft((now) => ({ ...now, ...change }))
  const start = useAction(async () => {
    await ask<NetworkTrialStarted>('POST', '/api/network/trial', bodyOf(draft))
    props.onTrial()
  })
  useProblemFocus(form, start.failure)
  const problemOf = (field: string): string | undefined =>
    start.failure?.field?.split('.').includes(field) ? start.failure.message : undefined
  const wired = network.current.interfaces.filter(({ physical }) => physical)
  // The address is taken away while the answer is on its way: no answer is what success looks like then.
  const moved = start.failure?.code === 'NO_ANSWER' && draft.mode === 'static'
  return (
    <form
      ref={form}
      class="card"
      onSubmit={(event) => {
        event.preventDefault()
        void start.run()
      }}
    >
      <Choices
        question="Where does the address come from?"
        value={draft.mode}
        onValue={(mode) => set({ mode })}
        options={[
          { value: 'dhcp', text: 'From the network (DHCP).', hint: 'Right for most offices.' },
          { value: 'static', text: 'A fixed address.', hint: 'Phones then find the box at any time.' },
        ]}
      />
      {wired.length > 1 && (
        <SelectField
          label="Network socket"
          value={draft.interface}
          onValue={(name) => set({ interface: name })}
          options={wired.map(({ name }) => ({ value: name, text: name }))}
          problem={problemOf('interface')}
        />
      )}
      {draft.mode === 'static' && (
        <>
          <TextField
            label="Address"
            value={draft.address}
            onValue={(address) => set({ address })}
            placeholder="192.0.2.10"
            problem={problemOf('address')}
            required
          />
          <TextField
            label="Prefix length"
            value={draft.prefixLength}
            onValue={(prefixLength) => set({ prefixLength })}
            inputMode="numeric"
            hint="24 stands for the mask 255.255.255.0."
            problem={problemOf('prefixLength')}
            required
          />
          <TextField
            label="Gateway"
            value={draft.gateway}
            onValue={(gateway) => set({ gateway })}
            hint="Empty: the box reaches its own network only."
            problem={problemOf('gateway')}
          />
          <TextField
            label="DNS servers"
            value={draft.dns}
            onValue={(dns) => set({ dns })}
            hint="At most three, separated by commas."
            problem={problemOf('dns')}
          />
        </>
      )}
      <TextField
        label="VLAN (optional)"
        value={draft.vlan}
        onValue={(vlan) => set({ vlan })}
        inputMode="numeric"
        hint="1 to 4094, only if the switch expects tagged packets here."
        problem={problemOf('vlan')}
      />
      {moved ? (
        <Notice tone="info" title="The box has probably moved.">
          Open <a href={pageAt(draft.address)}>{pageAt(draft.address)}</a> within a minute, log in and
          confirm. Otherwise everything goes back by itself.
        </Notice>
      ) : (
        <Failure failure={start.failure} />
      )}
      <footer class="dialog-foot">
        <span class="foot-text">
          Tried for 60 seconds; without a confirmation everything goes back.
          {draft.mode === 'dhcp' &&
            ' Should the address change, the console of the box shows the new one: confirm there.'}{' '}
          Phones that this box has configured know it by its present address: with another one they find it
          again only after a factory reset of the phone.
        </span>
        <button type="submit" class="primary" disabled={start.busy}>
          {start.busy ? 'Trying …' : 'Try it'}
        </button>
      </footer>
    </form>
  )
}

/** What is in force now, as the draft to begin with. */
function draftOf({ configured, current }: NetworkStateView): Draft {
  const wired = current.interfaces.filter(({ physical }) => physical)
  const first = wired.find(({ addresses }) => addresses.length > 0) ?? wired[0]
  const own = first?.addresses.find(({ family }) => family === 4)
  return {
    mode: configured?.mode ?? 'dhcp',
    interface: configured?.interface ?? first?.name ?? '',
    vlan: String(configured?.vlan ?? ''),
    address: configured?.address ?? own?.address ?? '',
    prefixLength: String(configured?.prefixLength ?? own?.prefixLength ?? 24),
    gateway: configured?.gateway ?? current.gateways[0] ?? '',
    dns: (configured?.dns.length ? configured.dns : current.dns).join(', '),
  }
}

function bodyOf(draft: Draft): NetworkTrialBody | Record<string, unknown> {
  const where = {
    ...(draft.interface === '' ? {} : { interface: draft.interface }),
    ...(draft.vlan.trim() === '' ? {} : { vlan: numberOf(draft.vlan) }),
  }
  if (draft.mode === 'dhcp') return { mode: 'dhcp', ...where }
  return {
    mode: 'static',
    ...where,
    address: draft.address.trim(),
    prefixLength: numberOf(draft.prefixLength),
    gateway: draft.gateway.trim() === '' ? null : draft.gateway.trim(),
    dns: draft.dns.split(/[\s,;]+/).filter(Boolean),
  }
}

/** What is no number stays text: the box then says which field is wrong. */
function numberOf(text: string): number | string {
  const trimmed = text.trim().replace(/^\//, '')
  return /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed
}
