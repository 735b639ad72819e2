import { z } from 'zod'

/** A `GetCallerIdentity` request that somebody signed with AWS Signature Version 4, reduced to what may be said again. */
export interface SignedRequest {
  readonly host: string
  readonly headers: Readonly<Record<string, string>>
  /** What the client is bound to: one of its signed headers. */
  readonly audience: string
  /** Seconds since the epoch, by `X-Amz-Date`. */
  readonly signedAt: number
  readonly signature: string
}

/** The signed header that names the relying party: without it, whoever receives such a request could use it here. */
export const AUDIENCE_HEADER = 'x-keycourt-audience'
export const PATH = '/?Action=GetCallerIdentity&Version=2011-06-15'

const LONGEST = 16 * 1024
const REGION = '(?:af|ap|ca|eu|il|me|mx|sa|us|us-gov)-(?:north|south|east|west|central)(?:east|west)?-[1-9]'
/** AWS General Reference, STS endpoints; by China's own name it would be another. */
const HOST = new RegExp(`^sts\\.(?:${REGION}\\.)?amazonaws\\.com$`)
const AUTHORIZATION = new RegExp(
  `^AWS4-HMAC-SHA256 Credential=[A-Z0-9]{16,128}/(\\d{8})/(${REGION})/sts/aws4_request, ?` +
    'SignedHeaders=([a-z0-9-]+(?:;[a-z0-9-]+)*), ?Signature=([0-9a-f]{64})$',
)
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/

/** Whatever else a client signs would be said in our name, so nothing else is taken. */
const TAKEN = new Set(['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256', AUDIENCE_HEADER])
const REQUIRED = ['host', 'x-amz-date', AUDIENCE_HEADER]

const header = z.strictObject({
  key: z.string().regex(/^[\w-]{1,64}$/),
  value: z.string().regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?$/),
})
/** As Google's STS takes it: RFC 8693 leaves the form to the token type. */
const serialized = z.strictObject({
  url: z.string(),
  method: z.literal('POST'),
  headers: z.array(header).min(1).max(12),
})

/** Undefined: it is no such request, or one that says more than it must. */
export function parseSignedRequest(token: string): SignedRequest | undefined {
  const request = serialized.safeParse(decoded(token))
  if (!request.success) return undefined
  const host = hostOf(request.data.url)
  const headers = new Map(request.data.headers.map(({ key, value }) => [key.toLowerCase(), value]))
  if (!host || headers.size !== request.data.headers.length) return undefined

  const [, day, region, names = '', signature] = AUTHORIZATION.exec(headers.get('authorization') ?? '') ?? []
  const signed = names.split(';')
  const date = headers.get('x-amz-date') ?? ''
  const signedAt = secondsOf(date)
  const audience = headers.get(AUDIENCE_HEADER)
  if (signature === undefined || signedAt === undefined || audience === undefined) return undefined
  if (day !== date.slice(0, 8) || !isOfRegion(host, region as string)) return undefined
  if ((headers.get('host') ?? host) !== host || !areJust(signed, headers)) return undefined
  return { host, headers: Object.fromEntries(headers), audience, signedAt, signature }
}

/** All that is sent is signed, and all that is signed is sent: nothing can be slipped in or left out. */
function areJust(signed: readonly string[], headers: ReadonlyMap<string, string>): boolean {
  const sent = new Set([...headers.keys(), 'host'].filter((name) => name !== 'authorization'))
  const names = new Set(signed)
  return (
    names.size === signed.length &&
    names.size === sent.size &&
    REQUIRED.every((name) => names.has(name)) &&
    signed.every((name) => sent.has(name) && TAKEN.has(name))
  )
}

/** To the letter, so that no parser of URLs has a say: the same action and nothing beside it. */
function hostOf(url: string): string | undefined {
  const [, host = '', rest] = /^https:\/\/([a-z0-9.-]+)(.*)$/.exec(url) ?? []
  return HOST.test(host) && (rest === PATH || rest === PATH.slice(1)) ? host : undefined
}

const isOfRegion = (host: string, region: string): boolean =>
  host === `sts.${region}.amazonaws.com` || (host === 'sts.amazonaws.com' && region === 'us-east-1')

function secondsOf(date: string): number | undefined {
  const iso = AMZ_DATE.test(date) ? date.replace(AMZ_DATE, '$1-$2-$3T$4:$5:$6Z') : ''
  const time = Date.parse(iso)
  return Number.isNaN(time) ? undefined : time / 1000
}

function decoded(token: string): unknown {
  try {
    return token.length <= LONGEST ? JSON.parse(decodeURIComponent(token)) : undefined
  } catch {
    return undefined
  }
}
