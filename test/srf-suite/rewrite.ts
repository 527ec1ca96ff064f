import { ourNetwork, theirNetwork } from './plan.ts'

/** The suite's sources and scenarios name containers by address; ours live on loopback. */
export function onLoopback(text: string): string {
  return text.replaceAll(theirNetwork, ourNetwork)
}

/** A container of the suite's compose file that runs SIPp. */
export interface Container {
  name: string
  address: string
  /** File name of its scenario. */
  scenario: string
}

/** Reads services, their addresses and scenarios from the compose file that the suite ships. */
export function readContainers(compose: string): Container[] {
  const containers: Container[] = []
  for (const service of compose.split(/^ {2}(?=[a-z][\w-]*:$)/m)) {
    const name = /^([a-z][\w-]*):$/m.exec(service)?.[1]
    const scenario = /command: sipp -sf \/tmp\/(\S+)/.exec(service)?.[1]
    const address = /ipv4_address: (\S+)/.exec(service)?.[1]
    if (name && scenario && address) containers.push({ name, scenario, address: onLoopback(address) })
  }
  return containers
}

/** Finds the address of one service of the compose file. Throws when it is not there. */
export function addressOf(compose: string, name: string): string {
  const address = new RegExp(`container_name: ${name}\\n[\\s\\S]*?ipv4_address: (\\S+)`).exec(compose)?.[1]
  if (!address) throw new Error(`the suite's compose file has no ${name}`)
  return onLoopback(address)
}

/**
 * The scenario as SIPp 3.6 reads it: angle brackets inside attribute values are escaped, as XML wants it, for its
 * parser takes `>` there for the end of the tag.
 */
export function readableScenario(xml: string): string {
  return onLoopback(xml).replace(
    /(\s[\w-]+=")([^"\n]*[<>][^"\n]*)"/g,
    (_all, before: string, value: string) =>
      `${before}${value.replaceAll('<', '&lt;').replaceAll('>', '&gt;')}"`,
  )
}
