import { once } from 'node:events'
import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Answer, fixedFields, plainAnswer, requireValues } from '../../server/http/plain-answer.ts'

const FIXED = fixedFields({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' })

const answerOf = (text: string, fields: string[] = [], status = 200): Answer => ({
  ...{ status, fixed: FIXED, text },
  fields: [...fields, 'Content-Length', String(Buffer.byteLength(text))],
})

const linesOf = (written: string): string[] => written.slice(0, written.indexOf('\r\n\r\n')).split('\r\n')

describe('the status line (RFC 9112 §4)', () => {
  test.each([
    [200, 'HTTP/1.1 200 OK'],
    [400, 'HTTP/1.1 400 Bad Request'],
    [401, 'HTTP/1.1 401 Unauthorized'],
    [413, 'HTTP/1.1 413 Payload Too Large'],
    [429, 'HTTP/1.1 429 Too Many Requests'],
    [500, 'HTTP/1.1 500 Internal Server Error'],
    [503, 'HTTP/1.1 503 Service Unavailable'],
  ])('of %i', (status, line) => {
    expect(linesOf(plainAnswer(answerOf('', [], status), 5))[0]).toBe(line)
  })
})

describe('Date (RFC 9110 §5.6.7)', () => {
  const dateAt = (now: string) => {
    vi.setSystemTime(now)
    return linesOf(plainAnswer(answerOf(''), 5)).filter((line) => line.startsWith('Date: '))
  }

  beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterAll(() => void vi.useRealTimers())

  test('is an IMF-fixdate, of the second in which it was written', () => {
    expect(dateAt('1994-11-06T08:49:37.000Z')).toEqual(['Date: Sun, 06 Nov 1994 08:49:37 GMT'])
    expect(dateAt('1994-11-06T08:49:37.999Z')).toEqual(['Date: Sun, 06 Nov 1994 08:49:37 GMT'])
    expect(dateAt('1994-11-06T08:49:38.000Z')).toEqual(['Date: Sun, 06 Nov 1994 08:49:38 GMT'])
    expect(dateAt('2024-02-29T23:59:59.500Z')).toEqual(['Date: Thu, 29 Feb 2024 23:59:59 GMT'])
  })

  test('goes back with the clock', () => {
    expect(dateAt('2024-02-29T23:59:59.500Z')).toEqual(['Date: Thu, 29 Feb 2024 23:59:59 GMT'])
    expect(dateAt('2024-02-29T23:59:58.500Z')).toEqual(['Date: Thu, 29 Feb 2024 23:59:58 GMT'])
  })
})

describe('the connection (RFC 9112 §9.3, §9.6)', () => {
  test('stays for so many seconds', () => {
    const lines = linesOf(plainAnswer(answerOf(''), 65))
    expect(lines).toContain('Connection: keep-alive')
    expect(lines).toContain('Keep-Alive: timeout=65')
  })

  test('or ends', () => {
    const lines = linesOf(plainAnswer(answerOf(''), undefined))
    expect(lines).toContain('Connection: close')
    expect(lines.join()).not.toMatch(/keep-alive/i)
  })
})

describe('what is no value of a field is never written (RFC 9110 §5.5)', () => {
  test.each([
    ['CR', 'a\rb'],
    ['LF', 'a\nb'],
    ['an answer of its own', 'a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['LF at its end', 'a\n'],
    ['CR LF at its end', 'a\r\n'],
    ['NUL', 'a\0b'],
    ['a control', 'a\x1b[31m'],
    ['DEL', 'a\x7f'],
    ['Latin-1', 'caf\xe9'],
    ['a C1 control', 'a\x85b'],
    ['what becomes LF when it is cut to a byte', 'a\u010ab'],
    ['an emoji', 'a😀'],
    ['half a character', 'a\ud800'],
    ['U+2028', 'a\u2028b'],
  ])('%s', (_, value) => {
    expect(() => requireValues(['X-Asked', value])).toThrow("X-Asked can't hold that")
    expect(() => requireValues(['X-Good', 'good', 'X-Asked', value])).toThrow()
  })

  test('and no other character is, wherever it stands', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (value) => {
        const isAllowed = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at)).every(
          (code) => code === 9 || (code >= 0x20 && code <= 0x7e),
        )
        const write = () => {
          requireValues(['X-Asked', value])
          return plainAnswer(answerOf('', ['X-Asked', value]), 5)
        }
        if (isAllowed) expect(linesOf(write())).toContain(`X-Asked: ${value}`)
        else expect(write).toThrow()
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('what is written is what a client reads', () => {
  let written = ''
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(written))
    socket.on('error', () => {})
  })
  let port: number
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => void server.close())

  /** By Node's parser, which takes more than fetch does, and by fetch. */
  async function read(answer: string) {
    written = answer
    const [response] = await once(get({ port, host: '127.0.0.1', agent: false }), 'response')
    const byNode = {
      ...{ status: response.statusCode, message: response.statusMessage },
      ...{ headers: new Headers(response.headers), body: await textOf(response) },
    }
    const fetched = await fetch(`http://127.0.0.1:${port}/`)
    const { status, statusText: message, headers } = fetched
    expect({ status, message, body: await fetched.text() }).toEqual({
      ...{ status: byNode.status, message: byNode.message, body: byNode.body },
    })
    expect(Object.fromEntries(headers)).toEqual(Object.fromEntries(byNode.headers))
    return byNode
  }

  test('with a length in bytes (RFC 9110 §8.6)', async () => {
    const { headers, body } = await read(plainAnswer(answerOf('{"name":"Zoë 😀 日本"}'), undefined))
    expect(body).toBe('{"name":"Zoë 😀 日本"}')
    expect(headers.get('content-length')).toBe('27')
  })

  test('with the fields of every answer, and its own', async () => {
    const fields = ['WWW-Authenticate', 'Basic realm="a", charset="UTF-8"', 'DPoP-Nonce', 'a.b-c_~', 'X-Empty', '']
    const { status, message, headers, body } = await read(plainAnswer(answerOf('no', fields, 401), undefined))
    expect({ status, message, body }).toEqual({ status: 401, message: 'Unauthorized', body: 'no' })
    expect(Object.fromEntries(headers)).toEqual({
      ...{ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' },
      ...{ 'www-authenticate': 'Basic realm="a", charset="UTF-8"', 'dpop-nonce': 'a.b-c_~', 'x-empty': '' },
      ...{ 'content-length': '2', connection: 'close', date: expect.stringMatching(/^\w{3}, \d\d .* GMT$/) },
    })
  })

  test('whatever it says', async () => {
    const values = fc.string({ unit: 'grapheme-ascii', maxLength: 20 }).map((value) => value.trim())
    const statuses = fc.constantFrom(200, 201, 400, 401, 403, 413, 415, 421, 429, 500, 503)
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        values,
        statuses,
        async (text, value, status) => {
          const got = await read(plainAnswer(answerOf(text, ['X-Asked', value], status), undefined))
          expect(got).toMatchObject({ status, body: text })
          expect(got.headers.get('x-asked')).toBe(value)
        },
      ),
      { numRuns: 100 },
    )
  })
})
