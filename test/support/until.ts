/** Lets real sockets and processes work until `done`; fails loudly instead of waiting for ever. */
export async function until(done: () => boolean, limitMs = 30_000): Promise<void> {
  const endMs = performance.now() + limitMs
  while (!done()) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain for ${String(done)}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
