import { isAscii } from 'node:buffer'

/** A request that came whole, in one piece, and in words that can be read in one way only. */
export interface PlainRequest {
  /** As it was sent. */
  readonly target: string
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** RFC 9112 §9.6: nothing follows on this connection. */
  readonly isLast: boolean
}

/** Whether a request is one of these, and not as Node's parser gives it. */
export const isPlainRequest = <Other extends object>(request: PlainRequest | Other): request is PlainRequest =>
  'body' in request

const REQUEST_LINE = /POST (\/[\x21-\x7e]*) HTTP\/1\.1\r\n/y

/**
 * A name and its value without the blanks around it. RFC 9110 §5.1 and §5.5: US-ASCII, nothing folded. A name with `_` is
 * allowed there, and taken by some for one with `-`.
 */
const FIELD = /([!#$%&'*+\-.^`|~0-9A-Za-z]+):([\t\x20-\x7e]*)\r\n/y

const END_OF_HEAD = '\r\n\r\n'

/** Bytes: what Node's parser is given at most (listen.ts). */
const LONGEST_HEAD = 16 * 1024
const MOST_FIELDS = 64

/**
 * Recognises a POST that is all of what arrived, to the byte: RFC 9112 as strictly as it can be read. It refuses nothing
 * and repairs nothing. Undefined: it is not so plain, and Node's own parser, which reads whatever this reads in the same
 * way (test/http/plain-request.properties.test.ts), has its say.
 */
export function readPlainRequest(received: Buffer): PlainRequest | undefined {
  if (!isAscii(received)) return undefined
  const text = received.toString('latin1')
  const endOfHead = text.indexOf(END_OF_HEAD)
  if (endOfHead === -1 || endOfHead > LONGEST_HEAD) return undefined
  REQUEST_LINE.lastIndex = 0
  const target = REQUEST_LINE.exec(text)?.[1]
  const headers = target === undefined ? undefined : readFields(text, REQUEST_LINE.lastIndex, endOfHead)
  if (target === undefined || headers === undefined || !isPlain(headers)) return undefined
  const body = text.slice(endOfHead + END_OF_HEAD.length)
  // As it is written, so that neither a sign nor a zero in front makes two readings of it.
  if (headers['content-length'] !== String(body.length)) return undefined
  return { target, headers, body, isLast: headers.connection === 'close' }
}

/** Each name once: Node joins some that are repeated and drops others, and a proxy may do otherwise. */
function readFields(text: string, from: number, end: number): Record<string, string> | undefined {
  const fields: Record<string, string> = {}
  let count = 0
  for (let at = from; at < end; at = FIELD.lastIndex) {
    FIELD.lastIndex = at
    const field = FIELD.exec(text)
    if (!field || ++count > MOST_FIELDS) return undefined
    const sent = field[1] as string
    const name = USUAL.get(sent) ?? sent.toLowerCase()
    if (Object.hasOwn(fields, name)) return undefined
    fields[name] = (field[2] as string).trim()
  }
  return fields
}

/** Nearly all that are ever sent, as they are sent: to find a name is quicker than to make one. */
const USUAL = new Map(
  [
    ...['Host', 'Connection', 'Content-Type', 'Content-Length', 'Authorization', 'DPoP', 'User-Agent', 'Accept'],
    ...[
      'Accept-Encoding',
      'Accept-Language',
      'X-Request-Id',
      'X-Forwarded-For',
      'X-Forwarded-Host',
      'X-Forwarded-Proto',
    ],
  ].flatMap((name) => [name, name.toLowerCase()].map((sent) => [sent, name.toLowerCase()])),
)

const CONNECTION = new Set([undefined, 'keep-alive', 'Keep-Alive', 'close'])

/**
 * RFC 9112 §3.2: with its host; §9.6: no other options of the connection. Nothing that makes a message more than its head
 * and so many bytes: RFC 9112 §6.1 and §7.1.2, RFC 9110 §7.8 and §10.1.1.
 */
function isPlain(fields: Record<string, string>): boolean {
  const { host, connection, upgrade, expect, trailer, 'transfer-encoding': coding } = fields
  const more = coding ?? upgrade ?? expect ?? trailer
  return Boolean(host) && CONNECTION.has(connection) && more === undefined
}
