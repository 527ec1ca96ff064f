import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { unmapIpv4 } from '#src/base/net.ts'
import type { DeviceAnswer } from '#src/provisioning/ports.ts'
import type { ApiContext } from '../context.ts'
import { reachedHost } from '../reached-host.ts'
import { securityHeaders } from '../security-headers.ts'

/** Longest upload that is heard to its end: a phone's log. Nothing of it is kept. */
const maxUploadBytes = 1024 * 1024

/** What a door's hooks need of either server. */
interface Door {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  ): unknown
}

/**
 * Lets devices have what no route is for: asked before the body is read, so that an upload is neither parsed nor
 * held in memory. What no device sent goes on to the door's own 404.
 */
export function serveDevices(door: Door, context: ApiContext, secure: boolean): void {
  door.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return undefined
    const answer = await answerDevice(context, request, secure)
    return answer && sendToDevice(request, reply, answer)
  })
}

/** What provisioning says to this request; undefined when no device sent it, or provisioning does not run. */
export async function answerDevice(
  context: ApiContext,
  request: FastifyRequest,
  secure: boolean,
): Promise<DeviceAnswer | undefined> {
  return context.parts.provisioning?.door.answer({
    method: request.method,
    url: request.url,
    headers: request.headers,
    secure,
    remoteAddress: unmapIpv4(request.ip),
    reachedHost: reachedHost(request),
    localAddress: unmapIpv4(request.socket.localAddress ?? '127.0.0.1'),
  })
}

/** Sends the answer once the request's body, if it has one, has been taken away. */
export async function sendToDevice(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: DeviceAnswer,
): Promise<FastifyReply> {
  if (!(await takeAway(request.raw))) {
    return reply
      .status(413)
      .header('connection', 'close')
      .type('text/plain; charset=utf-8')
      .send('Too large.\n')
  }
  // What they tell browsers is more than some phones have room for.
  for (const name of Object.keys(securityHeaders)) void reply.removeHeader(name)
  return reply.status(answer.status).headers(answer.headers).send(answer.body)
}

/** Reads the body to its end and forgets it; false as soon as it is too large. */
function takeAway(raw: IncomingMessage): Promise<boolean> {
  if (Number(raw.headers['content-length'] ?? 0) > maxUploadBytes) return Promise.resolve(false)
  if (raw.complete || (raw.method !== 'PUT' && raw.method !== 'POST')) return Promise.resolve(true)
  return new Promise((resolve) => {
    let taken = 0
    raw.on('data', (chunk: Buffer) => {
      taken += chunk.length
      if (taken <= maxUploadBytes) return
      raw.pause()
      resolve(false)
    })
    raw.once('end', () => resolve(true))
    // A sender that gives up, or is given up by the server's time limit, gets no answer anyway.
    raw.once('close', () => resolve(true))
    raw.once('error', () => resolve(true))
  })
}
