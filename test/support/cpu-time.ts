/** What this thread has used of the CPU so far, in ms: the price of work however busy the machine is with other things. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
