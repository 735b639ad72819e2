import diagnostics from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, expect, vi } from 'vitest'
import { type Listening, listen } from '../../../server/http/listen.ts'
import { type Answer, fixedFields } from '../../../server/http/plain-answer.ts'
import type { PlainRequest } from '../../../server/http/plain-request.ts'
import { connect, type RawConnection, statusOf } from '../raw.ts'

const FIXED = fixedFields({ 'X-Fixed': 'yes' })

/** The server's own ends of connections, by the port at the other end. */
const peers = new Map<number, Socket>()
const notePeer = (message: unknown) => {
  const { socket } = message as { socket: Socket }
  peers.set(socket.remotePort as number, socket)
}
diagnostics.subscribe('net.server.socket', notePeer)
afterAll(() => void diagnostics.unsubscribe('net.server.socket', notePeer))

/** A plain request whose answer is the test's to give. */
interface Held {
  request: PlainRequest
  answer(answer: Answer | undefined | Promise<never>): void
}

export const answerOf = (text: string, fields: string[] = []): Answer => ({
  ...{ status: 200, fixed: FIXED, text },
  fields: [...fields, 'Content-Length', String(Buffer.byteLength(text))],
})

interface Wishes {
  limits?: Parameters<typeof listen>[3]
  /** Of what is plain. */
  text?: string
}

interface Served {
  listening: Listening
  port: number
  /** What was asked for, in the order in which it was begun, by whom it was. */
  begun: string[]
  /** Those to `/held`. */
  held: Held[]
}

/** Tells who answered what. Plain are `/plain…` and `/held…`; Node's are all others, and what isn't sent plainly. */
export async function serve({ limits = {}, text }: Wishes = {}): Promise<Served> {
  const begun: string[] = []
  const held: Held[] = []
  const listening = await listen(
    {
      onPlain(request) {
        const { target, body } = request
        if (!/^\/(plain|held)/.test(target)) return undefined
        begun.push(`plain ${target}`)
        if (target.startsWith('/plain')) return Promise.resolve(answerOf(text ?? `plain ${target} ${body}`))
        return new Promise((answer) => held.push({ request, answer }))
      },
      async onRequest(request, response) {
        begun.push(`node ${request.url}`)
        const body = await textOf(request).catch(() => undefined)
        // It left.
        if (body === undefined) return
        const answer = `node ${request.url} ${body}`
        response.setHeader('Content-Length', Buffer.byteLength(answer)).end(answer)
      },
    },
    ...([0, '127.0.0.1', limits] as const),
  )
  afterAll(() => listening.close(0))
  return { listening, begun, held, port: Number(listening.address.split(':').at(-1)) }
}

export const post = (target: string, body = '', fields = '') =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`
export const chunkedPost = (target: string, body: string) =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

export interface Told {
  status: number
  fields: Map<string, string>
  body: string
}

/** Each answer that is whole, and whatever else there is. */
function readAnswers(text: string): { told: Told[]; rest: string } {
  const told: Told[] = []
  let rest = text
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return { told, rest }
    const [line = '', ...lines] = rest.slice(0, end).split('\r\n')
    const fields = new Map(
      lines.map((each): [string, string] => [
        each.slice(0, each.indexOf(':')).toLowerCase(),
        each.slice(each.indexOf(':') + 1).trim(),
      ]),
    )
    const length = Number(fields.get('content-length'))
    if (!/^HTTP\/1\.1 \d{3} /.test(line) || Number.isNaN(length)) throw new Error(`no answer: ${line}`)
    if (rest.length < end + 4 + length) return { told, rest }
    told.push({ status: statusOf(line), fields, body: rest.slice(end + 4, end + 4 + length) })
    rest = rest.slice(end + 4 + length)
  }
}

interface Client extends RawConnection {
  /** The server's end. */
  peer: Socket
  /** Resolves when the server has all of it, and thereby all that was sent before. */
  send(text: string): Promise<void>
  /** Resolves with all so far, when there are so many. */
  answers(count: number): Promise<Told[]>
}

export async function converse(port: number, options?: { halfOpen?: boolean }): Promise<Client> {
  const connection = await connect(port, options)
  const { socket } = connection
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.setNoDelay()
  await vi.waitFor(() => expect(peers.has(socket.localPort as number)).toBe(true), { interval: 1 })
  const peer = peers.get(socket.localPort as number) as Socket
  let sent = 0
  return {
    ...connection,
    peer,
    async send(more) {
      socket.write(more, 'latin1')
      sent += more.length
      while (peer.bytesRead < sent && !peer.destroyed) await turn()
    },
    answers: (count) =>
      vi.waitFor(
        () => {
          const { told } = readAnswers(text)
          expect(told.length).toBeGreaterThanOrEqual(count)
          return told
        },
        { interval: 2, timeout: 5_000 },
      ),
  }
}

export const bodiesOf = (told: readonly Told[]) => told.map(({ body }) => body)
export const allOf = async ({ answered }: RawConnection) => readAnswers(await answered)
export const became = (check: () => boolean) =>
  vi.waitFor(() => expect(check()).toBe(true), { interval: 2, timeout: 5_000 })
/** More than a test may take: what resolves in time has not waited for it. */
export const PATIENCE = 60_000
