import { createServer, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type PlainRequest, readPlainRequest } from '../../server/http/plain-request.ts'

/** One character is one byte. */
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

interface Read {
  method: string | undefined
  target: string | undefined
  /** By name in lower case, sorted: each with all of its values. */
  fields: [string, string][]
  body: string
}

const fieldsOf = (pairs: [string, string][]): [string, string][] =>
  pairs.map(([name, value]): [string, string] => [name.toLowerCase(), value]).sort()

const READ_AS_POST = ({ target, headers, body }: PlainRequest): Read => ({
  ...{ method: 'POST', target },
  ...{ fields: fieldsOf(Object.entries(headers)), body },
})

/** What Node's parser has made of one connection, on which nothing but these bytes came. */
interface NodesReading {
  whole: Read[]
  /** Whatever is left that is no whole request: one that is refused, or hasn't ended. */
  hasMore: boolean
}

function createOracle(): (sent: Buffer) => NodesReading {
  const server = createServer({ maxHeaderSize: 16 * 1024 })
  let begun: IncomingMessage[] = []
  let isRefused = false
  const begin = (request: IncomingMessage) => void begun.push(request)
  server.on('request', begin).on('checkContinue', begin).on('checkExpectation', begin)
  server.on('clientError', () => {
    isRefused = true
  })
  return (sent) => {
    begun = []
    isRefused = false
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    server.emit('connection', socket)
    // As a socket does when they arrive: Node parses within the event, so that nothing has to be waited for.
    socket.emit('data', sent)
    socket.emit('end')
    const whole = begun.filter(({ complete }) => complete).map(readingOf)
    for (const request of begun) request.on('error', () => {})
    socket.destroy()
    return { whole, hasMore: isRefused || whole.length < begun.length }
  }
}

function readingOf(request: IncomingMessage): Read {
  const { method, url: target, rawHeaders } = request
  const pairs = rawHeaders.flatMap((name, at): [string, string][] =>
    at % 2 === 0 ? [[name, rawHeaders[at + 1] as string]] : [],
  )
  return { method, target, fields: fieldsOf(pairs), body: (request.read() ?? '').toString('latin1') }
}

const readByNode = createOracle()

const characters = (from: string, constraints: fc.StringConstraints) =>
  fc.string({ unit: fc.constantFrom(...from), ...constraints })
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => String.fromCharCode(from + at)).join('')

const VISIBLE = range(0x21, 0x7e)
/** RFC 9110 §5.6.2, but for the `_` that some take for a `-`. */
const TOKEN = [...VISIBLE].filter((letter) => !'"(),/:;<=>?@[\\]{}_'.includes(letter)).join('')
const blanks = characters(' \t', { maxLength: 3 })

const TAKEN = ['host', 'content-length', 'connection', 'transfer-encoding', 'upgrade', 'expect', 'trailer']
const names = fc.oneof(
  { weight: 3, arbitrary: characters(TOKEN, { minLength: 1, maxLength: 12 }) },
  fc.constantFrom('constructor', 'toString', 'Content-Type', 'Authorization', 'DPoP', 'Set-Cookie', 'Date', 'Cookie'),
)
/** RFC 9110 §5.5: visible at both ends. */
const values = fc.oneof(
  {
    weight: 5,
    arbitrary: characters(`${VISIBLE} \t`, { maxLength: 30 }).map((value) => value.replace(/^[ \t]+|[ \t]+$/g, '')),
  },
  // About as long as a head may be.
  { weight: 1, arbitrary: fc.integer({ min: 16_200, max: 16_500 }).map((length) => 'x'.repeat(length)) },
)

const letterCase = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((upper) => [...name].map((letter, at) => (upper[at] ? letter.toUpperCase() : letter)).join(''))

interface Parts {
  line: string
  /** Each as it is sent, without its line end. */
  fields: string[]
  body: string
}

const written = ({ line, fields, body }: Parts): string => `${[line, ...fields].join('\r\n')}\r\n\r\n${body}`

/** A field and what it says. */
const field = (name: fc.Arbitrary<string>, value: fc.Arbitrary<string>) =>
  fc.tuple(name, blanks, value, blanks).map(([name, before, value, after]) => ({
    ...{ name: name.toLowerCase(), value },
    text: `${name}:${before}${value}${after}`,
  }))

const bodies = fc.oneof(
  characters(range(0, 0x7f), { maxLength: 40 }),
  fc.constantFrom('grant_type=client_credentials', '\r\n\r\n', '0\r\n\r\n', 'POST / HTTP/1.1\r\nHost: x\r\n\r\n'),
)

/** A request that is as it should be, and what it says. */
const good: fc.Arbitrary<Parts & { said: Read }> = fc
  .record({
    target: characters(VISIBLE, { maxLength: 20 }).map((rest) => `/${rest}`),
    body: bodies,
    host: field(letterCase('host'), fc.constantFrom('api.example.com', 'x', '[::1]:80')),
    connection: fc.option(field(letterCase('connection'), fc.constantFrom('keep-alive', 'Keep-Alive', 'close'))),
    others: fc.uniqueArray(field(names, values), { maxLength: 5, selector: ({ name }) => name }),
  })
  .filter(({ others }) => !others.some(({ name }) => TAKEN.includes(name)))
  .filter(({ others }) => others.reduce((sum, { text }) => sum + text.length, 0) < 15_000 || others.length === 1)
  .chain(({ target, body, host, connection, others }) =>
    field(letterCase('content-length'), fc.constant(String(body.length))).chain((length) => {
      const all = [host, length, ...(connection ? [connection] : []), ...others]
      return fc.shuffledSubarray(all, { minLength: all.length }).map((fields) => ({
        line: `POST ${target} HTTP/1.1`,
        ...{ fields: fields.map(({ text }) => text), body },
        said: {
          ...{ method: 'POST', target, body },
          fields: fieldsOf(all.map(({ name, value }) => [name, value])),
        },
      }))
    }),
  )

const isLong = (text: string) => text.length > 16_000

test('what is as it should be is recognised, for what it says, and Node reads the same', () => {
  fc.assert(
    fc.property(good, ({ said, ...parts }) => {
      const sent = bytes(written(parts))
      const request = readPlainRequest(sent)
      if (!isLong(written(parts))) expect(request).toBeDefined()
      if (!request) return
      expect(READ_AS_POST(request)).toEqual(said)
      expect(request.isLast).toBe(said.fields.some(([name, value]) => name === 'connection' && value === 'close'))
      expect(readByNode(sent)).toEqual({ whole: [said], hasMore: false })
    }),
    { numRuns: 2_000 },
  )
})

/** Fields that change where a message ends, or whose it is, or that proxies read differently. */
const EVIL = [
  ...['Transfer-Encoding: chunked', 'Transfer-Encoding: identity', 'transfer-encoding:', 'Transfer-Encoding : chunked'],
  ...['Content-Length: 0', 'Content-Length: 5', 'Content-Length: +5', 'Content-Length: 05', 'Content-Length: 5, 5'],
  ...['Content-Length: -1', 'Content-Length:', 'Content-Length: 0x5', 'Content-Length: 5 5', 'Content-Length : 5'],
  ...['Host: y', 'Host:', 'Host : y', 'Expect: 100-continue', 'Upgrade: websocket', 'Connection: Upgrade'],
  ...['Connection: close, keep-alive', 'Connection: content-length', 'Connection: close', 'Trailer: x', 'TE: trailers'],
  ...[' folded', '\tfolded', ' ', ': nameless', 'no colon', '', 'A b: c', 'A\0: b', 'A: \x7f', 'A: \xe9', 'A: b\rc: d'],
  ...[
    'A_b: c',
    '__proto__: a',
    'A: b\nc: d',
    'A: b\r',
    '\rA: b',
    'Proxy-Connection: close',
    'Content-Encoding: gzip',
    'A:',
    'B: c',
  ],
]

const LINES = [
  ...[
    'POST / HTTP/1.0',
    'POST / HTTP/1.1 ',
    'POST /  HTTP/1.1',
    'POST  / HTTP/1.1',
    'POST / HTTP/1.2',
    'POST / HTTP/2.0',
  ],
  ...['POST http://x/ HTTP/1.1', 'POST x:80 HTTP/1.1', 'POST x HTTP/1.1', 'POST * HTTP/1.1', 'POST /', 'POST HTTP/1.1'],
  ...[
    'post / HTTP/1.1',
    'GET / HTTP/1.1',
    'PUT / HTTP/1.1',
    'CONNECT x:80 HTTP/1.1',
    ' POST / HTTP/1.1',
    'POST /\tHTTP/1.1',
  ],
  ...['\r\nPOST / HTTP/1.1', 'POST / http/1.1', 'POST / HTTP/1.1\nA: b', 'POST / RTSP/1.1', 'POST /#a#b?c HTTP/1.1'],
  ...[
    'POST ?a HTTP/1.1',
    'POST #a HTTP/1.1',
    'POST //a@@b HTTP/1.1',
    'POST a:/// HTTP/1.1',
    'POST http://a@@b/ HTTP/1.1',
  ],
]

const NASTY = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  '\x7f',
  '\x80',
  '\xff',
  '\x0b',
  '\x0c',
  '0',
  '\x1f',
]
const nasty = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: fc.constantFrom(...range(0, 0xff)), maxLength: 2 }))

/** What somebody does to a request on its way. */
type Change = (text: string) => string

const atLines =
  (change: (lines: string[], body: string) => void): Change =>
  (text) => {
    const end = text.indexOf('\r\n\r\n')
    if (end === -1) return text
    const lines = text.slice(0, end).split('\r\n')
    change(lines, text.slice(end + 4))
    return `${lines.join('\r\n')}${text.slice(end)}`
  }

const lineChange = fc.constantFrom(...LINES).map((line) => atLines((lines) => void lines.splice(0, 1, line)))
const evilField = fc
  .tuple(fc.nat(), fc.constantFrom(...EVIL))
  .map(([at, evil]) => atLines((lines) => void lines.splice(1 + (at % lines.length), 0, evil)))
const evilInstead = fc
  .tuple(fc.nat(), fc.constantFrom(...EVIL))
  .map(([at, evil]) => atLines((lines) => void lines.splice(1 + (at % lines.length), 1, evil)))
const repeatedField = fc
  .tuple(fc.nat(), fc.nat())
  .map(([which, at]) =>
    atLines((lines) => void lines.splice(1 + (at % lines.length), 0, lines[which % lines.length] ?? '')),
  )
const fieldLeftOut = fc.nat().map((at) => atLines((lines) => void lines.splice(at % lines.length, 1)))
const otherLength = fc
  .constantFrom<(body: string) => string>(
    ...[({ length }: string) => `+${length}`, ({ length }: string) => `0${length}`],
    ...[({ length }: string) => `${length}, ${length}`, ({ length }: string) => `${length + 1}`],
    ...[({ length }: string) => `${length - 1}`, ({ length }: string) => `${length};`, () => ''],
  )
  .map((lengthOf) =>
    atLines((lines, body) => {
      const at = lines.findIndex((line) => /^content-length:/i.test(line))
      lines.splice(at === -1 ? 1 : at, 1, `Content-Length: ${lengthOf(body)}`)
    }),
  )
/** Two thirds of them in the head. */
const otherBytes = fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom('put in', 'replace', 'remove'), nasty).map(
  ([where, part, how, what]): Change =>
    (text) => {
      const at = where % (part === 0 ? text.length + 1 : Math.max(text.indexOf('\r\n\r\n') + 4, 1))
      return text.slice(0, at) + (how === 'remove' ? '' : what) + text.slice(how === 'put in' ? at : at + 1)
    },
)
const followed = fc.oneof(nasty, fc.constantFrom('GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'x', '0\r\n\r\n')).map(
  (after): Change =>
    (text) =>
      text + after,
)
const wellMeant = fc.constantFrom<Change>(
  (text) => text.replace(/^\w+/, (method) => method.toLowerCase()),
  (text) => text.replaceAll('keep-alive', 'Keep-Alive'),
  (text) => text.replaceAll(':', ': '),
  (text) => text.replaceAll('\r\n', ' \r\n'),
  (text) => text.replaceAll('\r\n', '\n'),
)

const changes = fc.oneof(
  { weight: 3, arbitrary: otherBytes },
  { weight: 2, arbitrary: fc.oneof(evilField, evilInstead) },
  ...[lineChange, repeatedField, fieldLeftOut, otherLength, followed, wellMeant],
)

const changed = fc.tuple(good, fc.array(changes, { minLength: 1, maxLength: 3 })).map(([parts, all]) => {
  const text = written(parts)
  return { text, after: all.reduce((sofar, change) => change(sofar), text) }
})

test('what is recognised of what was changed, Node reads in the same way, and nothing besides', () => {
  let recognised = 0
  const numRuns = 15_000
  fc.assert(
    fc.property(changed, ({ text, after }) => {
      const request = readPlainRequest(bytes(after))
      if (!request) return
      if (text !== after) recognised++
      expect(readByNode(bytes(after))).toEqual({ whole: [READ_AS_POST(request)], hasMore: false })
    }),
    { numRuns },
  )
  // Else there was nothing to compare, or nothing that could have been wrong.
  expect(recognised).toBeGreaterThan(numRuns / 20)
  expect(recognised).toBeLessThan(numRuns / 2)
})

test('the oracle sees what is left over, what is refused, and what is read otherwise', () => {
  const whole = 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b'
  expect(readByNode(bytes(`${whole}${whole}`)).whole).toHaveLength(2)
  for (const text of [`${whole}G`, whole.slice(0, -1), whole.replace('3', '+3')]) {
    expect(readByNode(bytes(text)).hasMore).toBe(true)
  }
  expect(readByNode(bytes(whole.replace('Host: x\r\n', ''))).whole).toEqual([])
  const chunked = 'POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n'
  expect(readByNode(bytes(chunked))).toMatchObject({ whole: [{ body: 'b' }], hasMore: false })
})

test('every single byte in every place of a head, put in or instead of what was there', () => {
  const text = 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b'
  let recognised = 0
  for (let at = 0; at <= text.length; at++) {
    for (let code = 0; code <= 0xff; code++) {
      for (const rest of [at, at + 1]) {
        const sent = bytes(text.slice(0, at) + String.fromCharCode(code) + text.slice(rest))
        const request = readPlainRequest(sent)
        if (!request) continue
        recognised++
        const read = READ_AS_POST(request)
        const byNode = readByNode(sent)
        if (byNode.hasMore || JSON.stringify(byNode.whole) !== JSON.stringify([read])) {
          expect.fail(`${JSON.stringify(sent.toString('latin1'))}: Node reads ${JSON.stringify(byNode)}`)
        }
      }
    }
  }
  expect(recognised).toBeGreaterThan(1_000)
})

test('cut anywhere, or with anything after it, it is not recognised', () => {
  const after = characters(range(0, 0xff), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(good, fc.oneof(after, good.map(written)), fc.nat(), (parts, more, cut) => {
      const text = written(parts)
      expect(readPlainRequest(bytes(text.slice(0, cut % text.length)))).toBeUndefined()
      expect(readPlainRequest(bytes(text + more))).toBeUndefined()
    }),
    { numRuns: 1_000 },
  )
  const text = 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b'
  expect(readPlainRequest(bytes(text))).toBeDefined()
  for (let cut = 0; cut < text.length; cut++) expect(readPlainRequest(bytes(text.slice(0, cut)))).toBeUndefined()
})

describe('what could be read in two ways is left to Node', () => {
  const LINE = 'POST / HTTP/1.1\r\n'
  const HOST = 'Host: x\r\n'
  const LENGTH = 'Content-Length: 5\r\n'
  const chunked = '5\r\nabcde\r\n0\r\n\r\n'
  const withLength = (value: string) => `${LINE}${HOST}Content-Length: ${value}\r\n\r\nabcde`
  const withField = (lines: string) => `${LINE}${HOST}${LENGTH}${lines}\r\n\r\nabcde`

  test('while the same without it is not', () => {
    expect(readPlainRequest(bytes(withLength('5')))).toBeDefined()
    expect(readPlainRequest(bytes(withField('A: b')))).toBeDefined()
  })

  test.each<[string, string]>([
    ['RFC 9112 §2.2: a bare CR in a value', withField('A: b\rc')],
    ['RFC 9112 §2.2: a bare CR before a line end', withField('A: b\r')],
    ['RFC 9112 §2.2: a bare CR between two fields', withField('A: b\rB: c')],
    ['RFC 9112 §2.2: a bare CR for a line end of the request line', `POST / HTTP/1.1\r${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §2.2: a bare LF between two fields', withField('A: b\nB: c')],
    ['RFC 9112 §2.2: bare LFs altogether', `POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nabcde`],
    ['RFC 9112 §2.2: a bare LF for the end of the head', `${LINE}${HOST}Content-Length: 5\n\nabcde`],
    ['RFC 9112 §2.2: an empty line in front', `\r\n${withLength('5')}`],
    ['RFC 9112 §2.2: a blank before the first field', `${LINE} ${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §2.3: HTTP/1.0', `POST / HTTP/1.0\r\n${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §2.3: no version at all', `POST /\r\n${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §3: two blanks in the request line', `POST  / HTTP/1.1\r\n${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §3: a tab in the request line', `POST\t/ HTTP/1.1\r\n${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §3.2: a blank in the target', `POST /a b HTTP/1.1\r\n${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §3.2: no Host', `${LINE}${LENGTH}\r\nabcde`],
    ['RFC 9112 §3.2: an empty Host', `${LINE}Host:\r\n${LENGTH}\r\nabcde`],
    ['RFC 9112 §3.2: Host twice', withField('Host: y')],
    ['RFC 9112 §3.2: Host twice, the same', withField('hOST: x')],
    ['RFC 9112 §3.2.2: a target in absolute form', `POST http://y/ HTTP/1.1\r\n${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §3.2.3: a target in authority form', `POST x:80 HTTP/1.1\r\n${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §3.2.4: a target in asterisk form', `POST * HTTP/1.1\r\n${HOST}${LENGTH}\r\nabcde`],
    ['RFC 9112 §5.1: a blank before the colon', withField('A : b')],
    ['RFC 9112 §5.1: a blank before the colon of Content-Length', `${LINE}${HOST}Content-Length : 5\r\n\r\nabcde`],
    ['RFC 9112 §5.1: a tab before the colon of Transfer-Encoding', withField('Transfer-Encoding\t: chunked')],
    ['RFC 9112 §5.2: a field that is folded by a blank', withField('A: b\r\n c')],
    ['RFC 9112 §5.2: a field that is folded by a tab', withField('A: b\r\n\tc')],
    ['RFC 9112 §5.2: Transfer-Encoding, folded', withField('Transfer-Encoding:\r\n chunked')],
    ['RFC 9110 §5.1: a name that is no token', withField('A(b): c')],
    ['RFC 9110 §5.1: a name that is read as another one by some', withField('Transfer_Encoding: chunked')],
    ['RFC 9110 §5.1: no name', withField(': c')],
    ['RFC 9110 §5.1: no colon', withField('A')],
    ['RFC 9110 §5.5: NUL in a value', withField('A: b\0c')],
    ['RFC 9110 §5.5: DEL in a value', withField('A: b\x7f')],
    ['RFC 9110 §5.5: a value that is no US-ASCII', withField('A: \xe9')],
    ['RFC 9110 §5.3: any field twice', withField('A: b\r\na: c')],
    ['RFC 9112 §6.1: chunks', `${LINE}${HOST}Transfer-Encoding: chunked\r\n\r\n${chunked}`],
    ['RFC 9112 §6.1: chunks, cut short', `${LINE}${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nabc`],
    ['RFC 9112 §6.1: chunks and a length', withField('Transfer-Encoding: chunked')],
    [
      'RFC 9112 §6.1: chunks and the length of all of them',
      `${LINE}${HOST}Content-Length: ${chunked.length}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    ],
    ['RFC 9112 §6.1: a coding that is not chunked', withField('Transfer-Encoding: identity')],
    ['RFC 9112 §6.1: a coding that is hidden', withField('Transfer-Encoding: xchunked')],
    ['RFC 9112 §6.1: no coding at all', withField('Transfer-Encoding:')],
    ['RFC 9112 §6.2: no length', `${LINE}${HOST}\r\n`],
    ['RFC 9112 §6.2: no length, and a body', `${LINE}${HOST}\r\nabcde`],
    ['RFC 9112 §6.2: a length that is signed', withLength('+5')],
    ['RFC 9112 §6.2: a negative length', withLength('-5')],
    ['RFC 9112 §6.2: a length with a zero in front', withLength('05')],
    ['RFC 9112 §6.2: a length in hexadecimal', withLength('0x5')],
    ['RFC 9112 §6.2: a length with a fraction', withLength('5.0')],
    ['RFC 9112 §6.2: a length with an exponent', withLength('5e0')],
    ['RFC 9112 §6.2: a length with a blank in it', withLength('5 0')],
    ['RFC 9112 §6.2: no number for a length', withLength('')],
    ['RFC 9112 §6.3: the length twice, in one field', withLength('5, 5')],
    ['RFC 9112 §6.3: the length twice, in two fields', withField('Content-Length: 5')],
    ['RFC 9112 §6.3: two lengths', withField('Content-Length: 0')],
    ['RFC 9112 §6.3: a length that is too small', withLength('4')],
    ['RFC 9112 §6.3: a length that is too large', withLength('6')],
    ['RFC 9112 §6.3: a length of 2^32 and more', withLength('4294967301')],
    ['RFC 9112 §7.1.2: a trailer', withField('Trailer: x')],
    ['RFC 9112 §9.3.2: a second request after it', withLength('5').repeat(2)],
    ['RFC 9112 §9.6: other options of the connection', withField('Connection: content-length')],
    ['RFC 9110 §7.8: an upgrade', withField('Connection: Upgrade\r\nUpgrade: websocket')],
    ['RFC 9110 §7.8: an upgrade that the connection says nothing of', withField('Upgrade: h2c')],
    ['RFC 9110 §10.1.1: 100-continue', withField('Expect: 100-continue')],
    ['a body that is no US-ASCII', `${LINE}${HOST}${LENGTH}\r\nabcd\xe9`],
    ['any other method', `GET / HTTP/1.1\r\n${HOST}${LENGTH}\r\nabcde`],
    ['nothing at all', ''],
  ])('%s', (_, text) => {
    expect(readPlainRequest(bytes(text))).toBeUndefined()
  })
})

describe('what is large', () => {
  const head = (fields: string) => bytes(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n${fields}\r\n`)

  test('a head that is longer than Node takes is left to Node, which says so', () => {
    for (let length = 16_000; length < 17_000; length++) {
      const sent = head(`A: ${'x'.repeat(length)}\r\n`)
      if (readPlainRequest(sent)) expect(readByNode(sent).whole).toHaveLength(1)
    }
    expect(readPlainRequest(head(`A: ${'x'.repeat(16_000)}\r\n`))).toBeDefined()
    expect(readPlainRequest(head(`A: ${'x'.repeat(17_000)}\r\n`))).toBeUndefined()
  })

  test('so are fields without number', () => {
    const fields = (count: number) => Array.from({ length: count }, (_, at) => `a${at}: b\r\n`).join('')
    expect(readPlainRequest(head(fields(30)))).toBeDefined()
    expect(readPlainRequest(head(fields(1_000)))).toBeUndefined()
  })

  test.each([
    ['blanks', ' '.repeat(16_000)],
    ['blanks before a value', ' '.repeat(8_000) + 'a'.repeat(8_000)],
    ['blanks between values', ' '.repeat(5_000) + 'a '.repeat(5_500)],
    ['blanks after a value', `a${' '.repeat(16_000)}`],
  ])('%s are read in the time that their number takes, not its square', (_, value) => {
    const began = performance.now()
    for (let times = 0; times < 5; times++) {
      expect(readPlainRequest(head(`A:${value}\x7f\r\n`))).toBeUndefined()
      readPlainRequest(head(`A:${value}\r\n`))
    }
    // Milliseconds: a hundred times what it takes; the square would take a second and more.
    expect(performance.now() - began).toBeLessThan(300)
  })
})
