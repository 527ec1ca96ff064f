import { errorText } from '#src/base/errors.ts'
import type { ByteStream } from './ports.ts'

/**
 * Opens a serial port or another tty (a virtual terminal, one end of a pty) with 115,200 baud, 8 data bits, no
 * parity, 1 stop bit, no flow control, and for us alone. Rejects when it is not there, taken, or no terminal.
 */
export async function openSerial(path: string): Promise<ByteStream> {
  // Its native half is loaded here and not with the program: a box without it has no console, and everything else.
  const { SerialPort } = await import('serialport')
  const port = await new Promise<InstanceType<typeof SerialPort>>((resolve, reject) => {
    const opening = new SerialPort({ path, baudRate: 115_200, highWaterMark: 4_096 }, (error) =>
      error ? reject(error) : resolve(opening),
    )
  })
  let end: (reason: string) => void = () => undefined
  let ended: string | undefined
  /** Writes that the system has not taken yet. */
  let writing = 0
  const onGone = (reason: string): void => {
    if (ended !== undefined) return
    ended = reason
    end(reason)
  }
  port.on('close', (error: Error | null) => onGone(error ? errorText(error) : 'closed'))
  port.on('error', (error) => onGone(errorText(error)))
  // A line that was hung up reads as an end of file; the port itself stays open then.
  port.on('end', () => onGone('the line was hung up'))

  return {
    onBytes: (listener) => void port.on('data', listener),
    onEnd(listener) {
      end = listener
      if (ended !== undefined) listener(ended)
    },
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(new TypeError(ended))
        writing++
        port.write(Buffer.from(bytes), (error) => {
          writing--
          if (error) reject(error)
          else resolve()
        })
      }),
    close: () =>
      new Promise((resolve) => {
        if (!port.isOpen) return resolve()
        const close = (): void => (port.isOpen ? port.close(() => resolve()) : resolve())
        // What a stuck line never took would hold the close up for half a minute (serial(4), closing_wait). A line that
        // takes what it is given keeps it: thrown away would be what its far end is about to read, our last words.
        if (writing > 0) port.flush(close)
        else close()
      }),
  }
}
