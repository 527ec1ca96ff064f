import { ApplianceError } from '#src/base/errors.ts'
import { aLaw, muLaw, sampleRate } from './g711.ts'
import type { Pcm } from './media-endpoint.ts'

/** The largest file that `readWav` takes: ten minutes of PCM16, so that a wrong file cannot eat the memory. */
export const maxWavBytes = 10 * 60 * sampleRate * 2 + 4096

const formatPcm = 1
const formatALaw = 6
const formatMuLaw = 7

interface Format {
  tag: number
  channels: number
  sampleRate: number
  bitsPerSample: number
}

function refuse(reason: string): never {
  throw new ApplianceError('INVALID', { reason }, { text: `The WAV file cannot be used: ${reason}.` })
}

/**
 * Reads a RIFF WAVE file of 8,000 samples per second, mono: 16-bit PCM, A-law or µ-law.
 * Throws an ApplianceError(INVALID) that names what is wrong. Unknown chunks are skipped.
 */
export function readWav(bytes: Uint8Array): Pcm {
  if (bytes.length > maxWavBytes) refuse(`it is longer than ${maxWavBytes} bytes`)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (
    buffer.length < 12 ||
    buffer.toString('latin1', 0, 4) !== 'RIFF' ||
    buffer.toString('latin1', 8, 12) !== 'WAVE'
  ) {
    refuse('it does not begin as RIFF WAVE')
  }
  let format: Format | undefined
  for (let at = 12; at + 8 <= buffer.length;) {
    const id = buffer.toString('latin1', at, at + 4)
    const size = buffer.readUInt32LE(at + 4)
    const body = buffer.subarray(at + 8, at + 8 + size)
    if (body.length < size) refuse(`its chunk "${id}" is cut off`)
    if (id === 'fmt ') format = readFormat(body)
    else if (id === 'data') return decodeSamples(body, format ?? refuse('its samples come before its format'))
    // Chunks are padded to an even length.
    at += 8 + size + (size & 1)
  }
  return refuse('it has no samples')
}

function readFormat(body: Buffer): Format {
  if (body.length < 16) refuse('its format chunk is cut off')
  return {
    tag: body.readUInt16LE(0),
    channels: body.readUInt16LE(2),
    sampleRate: body.readUInt32LE(4),
    bitsPerSample: body.readUInt16LE(14),
  }
}

function decodeSamples(body: Buffer, format: Format): Pcm {
  if (format.channels !== 1) refuse(`it has ${format.channels} channels, not one`)
  if (format.sampleRate !== sampleRate)
    refuse(`it has ${format.sampleRate} samples per second, not ${sampleRate}`)
  if (format.tag === formatPcm && format.bitsPerSample === 16) {
    const pcm = new Int16Array(body.length >> 1)
    for (let index = 0; index < pcm.length; index++) pcm[index] = body.readInt16LE(2 * index)
    return pcm
  }
  if (format.tag === formatMuLaw && format.bitsPerSample === 8) return muLaw.decode(body)
  if (format.tag === formatALaw && format.bitsPerSample === 8) return aLaw.decode(body)
  return refuse(`its coding ${format.tag} with ${format.bitsPerSample} bits is not known`)
}

/** Writes 16-bit PCM, mono, 8,000 samples per second, as a RIFF WAVE file. */
export function writeWav(pcm: Pcm): Buffer {
  const dataBytes = pcm.length * 2
  if (44 + dataBytes > maxWavBytes) refuse(`it would be longer than ${maxWavBytes} bytes`)
  const file = Buffer.alloc(44 + dataBytes)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(36 + dataBytes, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(formatPcm, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(sampleRate, 24)
  file.writeUInt32LE(sampleRate * 2, 28)
  file.writeUInt16LE(2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(dataBytes, 40)
  for (let index = 0; index < pcm.length; index++) file.writeInt16LE(pcm[index] as number, 44 + 2 * index)
  return file
}
