/** The package has no types of its own: what this house uses of it. */
declare module 'systemd-notify' {
  /** Runs the `systemd-notify` program with the environment of this process. */
  export default function notify(message: {
    ready?: boolean
    status?: string
    pid?: number
  }): Promise<unknown>
}
