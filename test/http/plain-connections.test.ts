import diagnostics from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { type Listening, listen } from '../../server/http/listen.ts'
import { type Answer, fixedFields } from '../../server/http/plain-answer.ts'
import type { PlainRequest } from '../../server/http/plain-request.ts'
import { connect, type RawConnection, statusOf } from './raw.ts'

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

const answerOf = (text: string, fields: string[] = []): Answer => ({
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
async function serve({ limits = {}, text }: Wishes = {}): Promise<Served> {
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

const post = (target: string, body = '', fields = '') =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`
const chunkedPost = (target: string, body: string) =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

interface Told {
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

async function converse(port: number, options?: { halfOpen?: boolean }): Promise<Client> {
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

const bodiesOf = (told: readonly Told[]) => told.map(({ body }) => body)
const allOf = async ({ answered }: RawConnection) => readAnswers(await answered)
const became = (check: () => boolean) => vi.waitFor(() => expect(check()).toBe(true), { interval: 2, timeout: 5_000 })
/** More than a test may take: what resolves in time has not waited for it. */
const PATIENCE = 60_000

describe('who answers', () => {
  test('plain requests in turn on one connection stay plain, and are told that it stays (RFC 9112 §9.3)', async () => {
    const { port, begun } = await serve()
    const client = await converse(port)
    for (let at = 0; at < 5; at++) {
      await client.send(post(`/plain/${at}`, `a=${at}`))
      const told = (await client.answers(at + 1))[at] as Told
      expect(told).toMatchObject({ status: 200, body: `plain /plain/${at} a=${at}` })
      expect(told.fields.get('connection')).toBe('keep-alive')
      expect(told.fields.get('keep-alive')).toBe('timeout=65')
      expect(told.fields.get('x-fixed')).toBe('yes')
    }
    expect(begun).toHaveLength(5)
    client.socket.destroy()
  })

  test('Keep-Alive is in whole seconds, as Node writes it', async () => {
    const { port } = await serve({ limits: { keepAliveTimeout: 1_500 } })
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send(post('/node'))
    const told = await client.answers(2)
    expect(told.map(({ fields }) => fields.get('keep-alive'))).toEqual(['timeout=1', 'timeout=1'])
    client.socket.destroy()
  })

  test('Connection: close is answered with close, and the connection ends (RFC 9112 §9.6)', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/plain/1'))
    await client.answers(1)
    await client.send(post('/plain/2', '', 'Connection: close\r\n'))
    const { told, rest } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain/1 ', 'plain /plain/2 '])
    expect(told[1]?.fields.get('connection')).toBe('close')
    expect(told[1]?.fields.has('keep-alive')).toBe(false)
    expect(rest).toBe('')
    await client.closed
  })

  test('what is not plain is Node’s, and so is all after it on that connection', async () => {
    const { port } = await serve()
    const client = await converse(port)
    const requests: [string, string][] = [
      [post('/plain/1', 'a'), 'plain /plain/1 a'],
      [post('/plain/2', 'b'), 'plain /plain/2 b'],
      [chunkedPost('/plain/3', 'c'), 'node /plain/3 c'],
      [post('/plain/4', 'd'), 'node /plain/4 d'],
      ['GET /plain/5 HTTP/1.1\r\nHost: x\r\n\r\n', 'node /plain/5 '],
      [post('/plain/6', 'e', 'A: b\r\nA: c\r\n'), 'node /plain/6 e'],
    ]
    const expected: string[] = []
    for (const [request, body] of requests) {
      await client.send(request)
      expected.push(body)
      expect(bodiesOf(await client.answers(expected.length))).toEqual(expected)
    }
    client.socket.destroy()
  })

  test('what is plain and nobody’s is Node’s', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/other', 'a=b'))
    await client.send(post('/plain', 'a=b'))
    expect(bodiesOf(await client.answers(2))).toEqual(['node /other a=b', 'node /plain a=b'])
    client.socket.destroy()
  })

  test('so is a body that is no US-ASCII', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/plain', 'Zo\xc3\xab'))
    expect(bodiesOf(await client.answers(1))).toEqual(['node /plain Zo\xc3\xab'])
    client.socket.destroy()
  })

  test('what is no HTTP, after what was plain, is refused', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send('no HTTP\r\n\r\n')
    const { told } = await allOf(client)
    expect(told.map(({ status }) => status)).toEqual([200, 400])
  })

  test('one connection’s being Node’s is no other’s', async () => {
    const { port } = await serve()
    const [one, other] = await Promise.all([converse(port), converse(port)])
    await one.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await one.answers(1)
    await other.send(post('/plain'))
    expect(bodiesOf(await other.answers(1))).toEqual(['plain /plain '])
    for (const { socket } of [one, other]) socket.destroy()
  })
})

describe('pipelined (RFC 9112 §9.3.2)', () => {
  test.each([
    ['two plain ones', [post('/plain/1', 'a'), post('/plain/2', 'b')]],
    ['three plain ones', [post('/plain/1', 'a'), post('/plain/2', 'b'), post('/plain/3', 'c')]],
    ['one that is not plain first', [chunkedPost('/plain/1', 'a'), post('/plain/2', 'b')]],
    ['one that is not plain last', [post('/plain/1', 'a'), post('/plain/2', 'b'), chunkedPost('/plain/3', 'c')]],
  ])('in one piece: %s', async (_, requests) => {
    const { port, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/plain/0'))
    await client.answers(1)
    await client.send(requests.join(''))
    const bodies = bodiesOf(await client.answers(1 + requests.length))
    const expected = requests.map((_request, at) => `/plain/${at + 1} ${'abc'[at]}`)
    expect(bodies.map((body) => body.replace(/^\w+ /, ''))).toEqual(['/plain/0 ', ...expected])
    expect(begun).toHaveLength(1 + requests.length)
    client.socket.destroy()
  })

  test.each([
    ['a plain one', [post('/plain/2', 'b')]],
    ['two plain ones', [post('/plain/2', 'b'), post('/plain/3', 'c')]],
    ['one that is not plain', [chunkedPost('/plain/2', 'b')]],
    ['both', [post('/plain/2', 'b'), chunkedPost('/plain/3', 'c')]],
    ['two in one piece', [post('/plain/2', 'b') + post('/plain/3', 'c')]],
    ['a half of one, and then the other', [post('/plain/2', 'b').slice(0, 30), post('/plain/2', 'b').slice(30)]],
    ['single bytes', [...post('/plain/2', 'b')]],
  ])('sent while the first is being answered: %s', async (_, pieces) => {
    const { port, begun, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held', 'a'))
    await became(() => held.length === 1)
    for (const piece of pieces) await client.send(piece)
    // Not before the first is answered, in whose stead it could be.
    expect(begun).toEqual(['plain /held'])
    held[0]?.answer(answerOf('first'))
    const count = pieces.join('').split('POST').length - 1
    const bodies = bodiesOf(await client.answers(1 + count))
    expect(bodies).toEqual(['first', 'node /plain/2 b', 'node /plain/3 c'].slice(0, 1 + count))
    expect(begun).toHaveLength(1 + count)
    client.socket.destroy()
  })

  test('a half that came with the first waits for the other half', async () => {
    const { port, begun } = await serve()
    const client = await converse(port)
    const [first, second] = [post('/plain/1', 'a'), post('/plain/2', 'b')]
    await client.send(first + second.slice(0, 20))
    await client.answers(1)
    await client.send(second.slice(20))
    expect(bodiesOf(await client.answers(2))).toEqual(['node /plain/1 a', 'node /plain/2 b'])
    expect(begun).toHaveLength(2)
    client.socket.destroy()
  })

  test('whatever is sent, in whatever pieces, is answered in its order and once', async () => {
    const { port, begun, held } = await serve()
    const kinds = fc.constantFrom<(at: number) => string>(
      (at) => post(`/plain/${at}`, `a=${at}`),
      (at) => post(`/plain/${at}`),
      (at) => post(`/held/${at}`, `a=${at}`),
      (at) => chunkedPost(`/plain/${at}`, `a=${at}`),
      (at) => `GET /get/${at} HTTP/1.1\r\nHost: x\r\n\r\n`,
    )
    const sequences = fc.array(kinds, { minLength: 1, maxLength: 8 })
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(sequences, cuts, fc.boolean(), async (sequence, shares, byRequest) => {
        begun.length = 0
        held.length = 0
        const client = await converse(port)
        const requests = sequence.map((kind, at) => kind(at))
        const all = requests.join('')
        const places = shares.map((share) => Math.floor(share * all.length)).sort((a, b) => a - b)
        const pieces = byRequest
          ? requests
          : [0, ...places].map((from, at) => all.slice(from, places[at] ?? all.length))
        // At any time: now before the next piece has come, now after it.
        const answering = setInterval(() => {
          for (const { request, answer } of held.splice(0)) answer(answerOf(`plain ${request.target}`))
        }, 1)
        for (const piece of pieces) await client.send(piece)
        const targets = sequence.map((kind, at) => kind(at).split(' ')[1])
        const told = await client.answers(sequence.length)
        clearInterval(answering)
        expect(told.map(({ body }) => body.split(' ')[1])).toEqual(targets)
        expect(begun.map((each) => each.split(' ')[1])).toEqual(targets)
        client.socket.destroy()
      }),
      { numRuns: 60 },
    )
  })
})

describe('a request in pieces', () => {
  const request = post('/plain', 'a=b')
  test.each([
    ['two, cut in the request line', [4]],
    ['two, cut between CR and LF', [request.indexOf('\r') + 1]],
    ['two, cut before the body', [request.indexOf('a=b')]],
    ['two, cut in the body', [request.indexOf('a=b') + 1]],
    ['three', [10, 40]],
    ['single bytes', Array.from({ length: request.length - 1 }, (_, at) => at + 1)],
  ])('%s', async (_, cuts) => {
    const { port, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/plain/before'))
    await client.answers(1)
    for (const [at, from] of [0, ...cuts].entries()) await client.send(request.slice(from, cuts[at]))
    expect(bodiesOf(await client.answers(2))).toEqual(['plain /plain/before ', 'node /plain a=b'])
    expect(begun).toHaveLength(2)
    client.socket.destroy()
  })
})

describe('a client that leaves', () => {
  test('its own side only, with its request: it gets the answer', async () => {
    const { port } = await serve()
    const client = await converse(port, { halfOpen: true })
    client.socket.end(post('/plain', 'a=b'))
    const { told, rest } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain a=b'])
    expect(rest).toBe('')
    await became(() => client.peer.destroyed)
  })

  test('its own side only, while it is being answered: it gets the answer, and is told that it is the last', async () => {
    const { port, held } = await serve()
    const client = await converse(port, { halfOpen: true })
    await client.send(post('/held'))
    await became(() => held.length === 1)
    client.socket.end()
    await became(() => client.peer.readableEnded)
    held[0]?.answer(answerOf('late'))
    const { told } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['late'])
    expect(told[0]?.fields.get('connection')).toBe('close')
    await became(() => client.peer.destroyed)
  })

  test('its own side only, with a second request while the first is being answered: no answer is lost', async () => {
    const { port, held } = await serve()
    const client = await converse(port, { halfOpen: true })
    await client.send(post('/held'))
    await became(() => held.length === 1)
    const second = post('/plain')
    await client.send(second)
    client.socket.end()
    for (let turns = 0; turns < 20; turns++) await turn()
    held[0]?.answer(answerOf('first'))
    const { told } = await allOf(client)
    // Whoever is told that the first is the last knows that the second was not begun (RFC 9112 §9.6).
    if (told[0]?.fields.get('connection') !== 'close') expect(told).toHaveLength(2)
    expect(told[0]?.body).toBe('first')
    await became(() => client.peer.destroyed)
  })

  test('its own side only, when it was answered', async () => {
    const { port } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    client.socket.end()
    await client.closed
    await became(() => client.peer.destroyed)
  })

  test('without a word', async () => {
    const { port, listening } = await serve()
    const client = await converse(port)
    client.socket.end()
    await client.closed
    await listening.close(PATIENCE)
    expect(client.peer.destroyed).toBe(true)
  })

  test.each<[string, (socket: Socket) => void]>([
    ['closing', (socket) => void socket.destroy()],
    ['with a reset', (socket) => void socket.resetAndDestroy()],
  ])('altogether, %s, while it is being answered: nothing stays open', async (_, leave) => {
    const { port, held, listening } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    leave(client.socket)
    await became(() => client.peer.destroyed || client.peer.readableEnded)
    // A rejection that nobody handles would fail the run.
    held[0]?.answer(answerOf('x'.repeat(1_000_000)))
    await became(() => client.peer.destroyed)
    await listening.close(PATIENCE)
  })

  test('with a reset, between two requests', async () => {
    const { port, listening } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    client.socket.resetAndDestroy()
    await became(() => client.peer.destroyed)
    await listening.close(PATIENCE)
  })

  test('with a reset, in the middle of a large answer', async () => {
    const { port, listening } = await serve({ text: 'x'.repeat(20_000_000) })
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/plain'))
    await became(() => client.peer.writableLength > 0)
    client.socket.resetAndDestroy()
    await became(() => client.peer.destroyed)
    await listening.close(PATIENCE)
  })
})

describe('a client that does not read its answers', () => {
  test('is not listened to until it does, and then gets all of them', async () => {
    const length = 200_000
    const { port, begun } = await serve({ text: 'x'.repeat(length) })
    const client = await converse(port)
    client.socket.pause()
    let sent = 0
    // What the kernels of both sides hold is some megabytes.
    while (!client.peer.isPaused() && sent < 1_000) {
      await client.send(post(`/plain/${sent++}`))
      await became(() => begun.length === sent)
      for (let turns = 0; turns < 5 && client.peer.writableNeedDrain; turns++) await turn()
    }
    expect(sent).toBeLessThan(1_000)
    for (let more = 0; more < 50; more++) client.socket.write(post(`/plain/${sent++}`))
    const before = begun.length
    for (let turns = 0; turns < 50; turns++) await turn()
    expect(begun.length).toBe(before)
    expect(client.peer.writableLength).toBeLessThan(2 * length)
    client.socket.resume()
    await became(() => begun.length === sent)
    const answered = (await client.answers(before + 1)).slice(0, before)
    expect(new Set(bodiesOf(answered))).toEqual(new Set(['x'.repeat(length)]))
    client.socket.destroy()
  })

  test('nor is one that asks on and on while it is being answered: the rest waits where it is', async () => {
    const { port, begun, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    const [times, request] = [600, post('/plain', 'x'.repeat(5_000))]
    client.socket.write(request.repeat(times))
    await became(() => client.peer.isPaused())
    for (let turns = 0; turns < 50; turns++) await turn()
    expect(client.peer.bytesRead).toBeLessThan((request.length * times) / 4)
    expect(begun).toEqual(['plain /held'])
    held[0]?.answer(answerOf('first'))
    await became(() => begun.length === 1 + times)
    client.socket.destroy()
  })

  test('is let go after keepAliveTimeout', async () => {
    const { port } = await serve({ text: 'x'.repeat(20_000_000), limits: { keepAliveTimeout: 100 } })
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/plain'))
    await became(() => client.peer.destroyed)
    client.socket.destroy()
  })
})

describe('time', () => {
  const LIMITS = { headersTimeout: 150, requestTimeout: 300, keepAliveTimeout: 100, connectionsCheckingInterval: 20 }

  test('who never sends anything is told so after headersTimeout, or let go', async () => {
    const { port } = await serve({ limits: LIMITS })
    const client = await converse(port)
    expect([408, Number.NaN]).toContain(statusOf(await client.answered))
    await client.closed
    await became(() => client.peer.destroyed)
  })

  test('who was told so has nothing begun any more', async () => {
    const { port, begun } = await serve({ limits: LIMITS })
    const client = await converse(port, { halfOpen: true })
    await client.answered
    await client.send(post('/plain'))
    await became(() => client.peer.destroyed)
    expect(begun).toEqual([])
    client.socket.destroy()
  })

  test('who was answered and asks nothing more is let go after keepAliveTimeout, without a word', async () => {
    const { port } = await serve({ limits: LIMITS })
    const client = await converse(port)
    for (const count of [1, 2]) {
      await client.send(post('/plain'))
      await client.answers(count)
    }
    const { told, rest } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain ', 'plain /plain '])
    expect(rest).toBe('')
    await became(() => client.peer.destroyed)
  })

  test('who waits for an answer is not, and is afterwards', async () => {
    const { port, held } = await serve({ limits: LIMITS })
    const client = await converse(port)
    for (const count of [1, 2]) {
      const idle = new Promise((resolve) => client.peer.once('timeout', resolve))
      await client.send(post('/held'))
      await idle
      held[count - 1]?.answer(answerOf(`answer ${count}`))
      await client.answers(count)
    }
    expect(bodiesOf((await allOf(client)).told)).toEqual(['answer 1', 'answer 2'])
    await became(() => client.peer.destroyed)
  })

  test('Node’s limits hold for what was handed over: half a request', async () => {
    const { port } = await serve({ limits: LIMITS })
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send(post('/plain', 'a=b').slice(0, -1))
    const { told } = await allOf(client)
    expect(told.map(({ status }) => status)).toEqual([200, 408])
  })

  test('and an idle connection', async () => {
    const { port } = await serve({ limits: LIMITS })
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send(post('/node'))
    const { told, rest } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain ', 'node /node '])
    expect(rest).toBe('')
  })
})

describe('the last answer of a connection', () => {
  test('is nothing, if nothing sensible can be said', async () => {
    const { port, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    held[0]?.answer(undefined)
    expect(await client.answered).toBe('')
    await client.closed
  })

  test('is nothing, if there was a mistake in making it', async () => {
    const { port, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    held[0]?.answer(Promise.reject(new Error('a mistake')))
    expect(await client.answered).toBe('')
    await client.closed
  })

  test('is nothing, also with another request behind it', async () => {
    const { port, held, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    await client.send(post('/plain'))
    held[0]?.answer(undefined)
    expect(await client.answered).toBe('')
    expect(begun).toEqual(['plain /held'])
  })

  test.each([
    ['while it is being answered', true],
    ['after it was', false],
  ])('is that to Connection: close, whatever comes %s (RFC 9112 §9.6)', async (_, isBefore) => {
    const { port, held, begun } = await serve()
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/held', '', 'Connection: close\r\n'))
    await became(() => held.length === 1)
    if (isBefore) await client.send(post('/plain'))
    // More than the kernels hold: the connection is still open when the next request comes.
    held[0]?.answer(answerOf('x'.repeat(20_000_000)))
    await became(() => client.peer.writableLength > 0)
    if (!isBefore) await client.send(post('/plain'))
    client.socket.resume()
    await client.answers(1)
    await client.closed
    expect(begun).toEqual(['plain /held'])
  })
})

describe('draining', () => {
  test('lets idle connections go at once: before a request, after one, and after one of Node’s', async () => {
    const { port, listening } = await serve()
    const clients = await Promise.all([converse(port), converse(port), converse(port)])
    await clients[1].send(post('/plain'))
    await clients[1].answers(1)
    await clients[2].send(post('/node'))
    await clients[2].answers(1)
    await listening.close(PATIENCE)
    await Promise.all(clients.map(({ closed }) => closed))
    await expect(connect(port)).rejects.toThrow('ECONNREFUSED')
  })

  test('answers the request in flight, and says that it is the last (RFC 9112 §9.6)', async () => {
    const { port, listening, held } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    const closing = listening.close(PATIENCE)
    held[0]?.answer(answerOf('late'))
    await closing
    const { told } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain ', 'late'])
    expect(told[1]?.fields.get('connection')).toBe('close')
  })

  test('also if another one waits behind it, which is not begun', async () => {
    const { port, listening, held, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    await client.send(post('/plain'))
    const closing = listening.close(PATIENCE)
    held[0]?.answer(answerOf('late'))
    await closing
    const { told } = await allOf(client)
    expect(told[0]?.body).toBe('late')
    if (told[0]?.fields.get('connection') === 'close') expect(begun).toEqual(['plain /held'])
    else expect(told).toHaveLength(2)
  })

  test('does not cut off an answer that is still on its way', async () => {
    const { port, listening } = await serve({ text: 'x'.repeat(20_000_000) })
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/plain'))
    await became(() => client.peer.writableLength > 0)
    const closing = listening.close(PATIENCE)
    client.socket.resume()
    await closing
    const { told } = await allOf(client)
    expect(told[0]?.body).toHaveLength(20_000_000)
  })

  test('does not wait longer than it is told to', async () => {
    const { port, listening, held } = await serve()
    const client = await converse(port)
    await client.send(post('/held'))
    await became(() => held.length === 1)
    await listening.close(0)
    await client.closed
    expect(await client.answered).toBe('')
    held[0]?.answer(answerOf('too late'))
  })

  test('does not wait longer for one with a reader that never reads', async () => {
    const { port, listening } = await serve({ text: 'x'.repeat(20_000_000) })
    const client = await converse(port)
    client.socket.pause()
    await client.send(post('/plain', '', 'Connection: close\r\n'))
    await became(() => client.peer.writableLength > 0)
    await listening.close(0)
    expect(client.peer.destroyed).toBe(true)
    client.socket.destroy()
  })

  test('a request that becomes whole on a connection of Node’s is answered, and told that it is the last', async () => {
    const { port, listening, begun } = await serve()
    const client = await converse(port)
    await client.send(post('/plain'))
    await client.answers(1)
    const request = post('/node', 'a=b')
    await client.send(request.slice(0, 20))
    const closing = listening.close(PATIENCE)
    await client.send(request.slice(20))
    await closing
    const { told } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['plain /plain ', 'node /node a=b'])
    expect(told[1]?.fields.get('connection')).toBe('close')
    expect(begun).toEqual(['plain /plain', 'node /node'])
  })

  test('so is one whose body comes then', async () => {
    const { port, listening, begun } = await serve()
    const client = await converse(port)
    const request = post('/node', 'a=b')
    await client.send(request.slice(0, -1))
    await became(() => begun.length === 1)
    const closing = listening.close(PATIENCE)
    await client.send(request.slice(-1))
    await closing
    const { told } = await allOf(client)
    expect(bodiesOf(told)).toEqual(['node /node a=b'])
    expect(told[0]?.fields.get('connection')).toBe('close')
  })
})
