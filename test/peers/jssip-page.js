// Runs in the browser: two phones on one page, driven by the test through `window.phones`.
import JsSIP from 'jssip'

const phones = new Map()

function once(emitter, good, bad = []) {
  return new Promise((resolve, reject) => {
    for (const name of good) emitter.once(name, (data) => resolve({ name, data }))
    for (const name of bad) emitter.once(name, (data) => reject(new Error(`${name}: ${data?.cause ?? ''}`)))
  })
}

window.phones = {
  /** Connects and registers; resolves to the status of the REGISTER. */
  async register(name, url, domain, password) {
    const ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)],
      uri: `sip:${name}@${domain}`,
      password,
      register_expires: 600,
      session_timers: false,
    })
    const phone = { ua, incoming: [], waiting: [] }
    phones.set(name, phone)
    ua.on('newRTCSession', ({ session, originator }) => {
      if (originator !== 'remote') return
      phone.session = session
      session.on('peerconnection', () => undefined)
      phone.waiting.shift()?.(session)
    })
    ua.on('newMessage', ({ originator, message, request }) => {
      if (originator !== 'remote') return
      phone.incoming.push(request.body)
      message.accept()
    })
    const registered = once(ua, ['registered'], ['registrationFailed', 'disconnected'])
    ua.start()
    const { data } = await registered
    return data.response.status_code
  },

  /** Sends a MESSAGE; resolves to the status, rejects with the cause. */
  async message(name, to, text) {
    return new Promise((resolve, reject) => {
      phones.get(name).ua.sendMessage(to, text, {
        eventHandlers: {
          succeeded: ({ response }) => resolve(response.status_code),
          failed: ({ cause }) => reject(new Error(cause)),
        },
      })
    })
  },

  /** Calls, lets the other phone of this page answer, waits for DTLS and media, and hangs up from the called side. */
  async call(from, to, uri) {
    const called = phones.get(to)
    const ringing = new Promise((resolve) => called.waiting.push(resolve))
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
    const session = phones.get(from).ua.call(uri, { mediaStream: stream, pcConfig: { iceServers: [] } })
    const accepted = once(session, ['confirmed'], ['failed'])
    const other = await Promise.race([ringing, once(session, [], ['failed'])])
    other.answer({ mediaStream: stream, pcConfig: { iceServers: [] } })
    await accepted
    const { connection } = session
    while (connection.connectionState !== 'connected') {
      if (connection.connectionState === 'failed') throw new Error('no media')
      await new Promise((resolve) =>
        connection.addEventListener('connectionstatechange', resolve, { once: true }),
      )
    }
    const ended = once(session, ['ended'], ['failed'])
    other.terminate()
    return { media: connection.connectionState, cause: (await ended).data.cause }
  },

  incoming: (name) => phones.get(name).incoming,
  stop: (name) => phones.get(name).ua.stop(),
}
