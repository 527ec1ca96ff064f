/**
 * The engine's end of a link to an application in the same process. Texts are the payloads of
 * drachtio's frames without their length prefix: `id|verb|…`.
 */
export interface MemoryLink {
  /** From the application to the engine. The answer comes later through `onFrame`, never inside this call. */
  send(frame: string): void
  /** Set by the application before its first send; called once per frame from the engine. */
  onFrame: ((frame: string) => void) | undefined
  /** The application is gone. */
  close(): void
}
