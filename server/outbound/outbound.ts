import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { allowanceOf } from './allowance.ts'
import { boundedJson } from './bounded-body.ts'
import { type Destination, destinationOf } from './destination.ts'
import { type Delivered, type FetchedJson, type FetchRefused, refused } from './fetched.ts'
import { type Resolvers, systemResolvers } from './resolve-host.ts'

export interface FetchLimits {
  /** Bytes of the body. */
  readonly limit: number
  /** Milliseconds for all of it: name, connection, headers, body. */
  readonly timeout: number
  /** Media types for the Accept header; what comes must be JSON in any case. */
  readonly accept?: string
}

export interface PostLimits extends FetchLimits {
  /** In small letters. What this client says of itself, it says over these. */
  readonly headers: Readonly<Record<string, string>>
}

export interface Message {
  readonly body: string
  /** In small letters. What this client says of itself, it says over these. */
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds until the status must be there. */
  readonly timeout: number
  /** Ends it before. */
  readonly signal?: AbortSignal
}

export interface Outbound {
  /** One GET, which follows nothing. Never rejects for what the other side does. */
  getJson(url: string, limits: FetchLimits): Promise<FetchedJson>
  /** One POST without a body: the same bounds, and never a second time. */
  postJson(url: string, limits: PostLimits): Promise<FetchedJson>
  /** One POST, of whose answer only the status is looked at, whatever it is but a redirect. */
  deliver(url: string, message: Message): Promise<Delivered>
}

export interface OutboundOptions {
  /** KC_OUTBOUND_ALLOW. */
  readonly allow: readonly string[]
  readonly resolvers?: Resolvers
  /** Certificate authorities to trust instead of Node's own, PEM. */
  readonly ca?: string
}

/** The only way in which the server fetches what others name: https, public addresses, bounded in size and time. */
export function createOutbound({ allow, resolvers = systemResolvers, ca }: OutboundOptions): Outbound {
  const allowance = allowanceOf(allow)

  async function send(method: 'GET' | 'POST', text: string, { limit, timeout, ...said }: PostLimits) {
    const deadline = AbortSignal.timeout(timeout)
    try {
      const destination = await destinationOf(text, allowance, resolvers, deadline)
      if (!destination.ok) return destination
      const response = await answerOf(destination, { method, headers: headersOf(said) }, ca, deadline)
      const fetched = await documentOf(response, limit)
      response.destroy()
      return fetched
    } catch (error) {
      return deadline.aborted ? refused('timed_out') : broken(error as NodeJS.ErrnoException)
    }
  }

  async function deliver(text: string, { body, headers, timeout, signal }: Message): Promise<Delivered> {
    const deadline = AbortSignal.timeout(timeout)
    const end = signal ? AbortSignal.any([deadline, signal]) : deadline
    try {
      const destination = await destinationOf(text, allowance, resolvers, end)
      if (!destination.ok) return destination
      const sent = { method: 'POST', headers: headersOf({ headers, accept: '*/*' }), body } as const
      const response = await answerOf(destination, sent, ca, end)
      response.destroy()
      return statusOf(response)
    } catch (error) {
      return deadline.aborted ? refused('timed_out') : broken(error as NodeJS.ErrnoException)
    }
  }

  return {
    deliver,
    getJson: (url, limits) => send('GET', url, { ...limits, headers: {} }),
    postJson: (url, limits) => send('POST', url, limits),
  }
}

/** RFC 9110 §7.2, RFC 9112 §6.3: whom it is for and where it ends follow from the URL and the body. */
const headersOf = ({ headers, accept = 'application/json' }: Pick<PostLimits, 'headers' | 'accept'>) => {
  const { host: _, connection: __, 'content-length': ___, 'transfer-encoding': ____, ...others } = headers
  return { ...others, accept, 'accept-encoding': 'identity', 'user-agent': 'keycourt' }
}

/** Bytes: a response's headers are bounded as its body is. */
const MAX_HEADER_SIZE = 16 * 1024

interface Sent {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

function answerOf(
  { url, addresses }: Destination,
  { method, headers, body }: Sent,
  ca: string | undefined,
  deadline: AbortSignal,
) {
  const request = url.protocol === 'https:' ? requestSecure : requestPlain
  const options = {
    // No connection, TLS session or proxy is shared with anybody, whatever NODE_USE_ENV_PROXY says.
    agent: false as const,
    headers,
    insecureHTTPParser: false,
    lookup: pinnedTo(addresses),
    maxHeaderSize: MAX_HEADER_SIZE,
    method,
    rejectUnauthorized: true, // whatever NODE_TLS_REJECT_UNAUTHORIZED says
    signal: deadline,
    ...(ca !== undefined && { ca }),
  }
  return new Promise<IncomingMessage>((resolve, reject) => {
    // A switch of protocols (RFC 9110 §15.2.2) ends in neither a response nor an error.
    const ended = () => reject(new Error('closed without a response'))
    request(url, options).once('response', resolve).on('error', reject).once('close', ended).end(body)
  })
}

/** The connection goes to the addresses that were judged: asking again could bring others (DNS rebinding). */
const pinnedTo = (addresses: readonly string[]): LookupFunction => {
  const found = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_host, { all }, answer) => {
    if (all) answer(null, found)
    else answer(null, found[0]?.address as string, found[0]?.family as number)
  }
}

function statusOf({ statusCode = 0 }: IncomingMessage): Delivered {
  if (statusCode >= 300 && statusCode < 400) return refused('redirected', String(statusCode))
  return { ok: true, status: statusCode }
}

async function documentOf(response: IncomingMessage, limit: number): Promise<FetchedJson> {
  const { headers } = response
  const answered = statusOf(response)
  if (!answered.ok) return answered
  if (answered.status !== 200) return refused('bad_status', String(answered.status))
  const json = await boundedJson(response, limit)
  if (!json.ok) return json
  const { 'cache-control': cacheControl, age, expires } = headers
  return { ...json, headers: { cacheControl, age, expires } }
}

const broken = ({ code }: NodeJS.ErrnoException): FetchRefused =>
  code === 'HPE_HEADER_OVERFLOW' ? refused('too_large', code) : refused('unreachable', code)
