import { createHash, createHmac } from 'node:crypto'
import type { RequestListener } from 'node:http'
import type { Clock } from '../../server/clock.ts'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { json, origin } from '../outbound/origin.ts'

const SECRET = 'of-the-workload'
const REGION = 'us-east-1'
const QUERY = 'Action=GetCallerIdentity&Version=2011-06-15'

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** AWS Signature Version 4, of a POST without a body. */
export function signatureOf(headers: Record<string, string>, names: readonly string[], region = REGION): string {
  const date = headers['x-amz-date'] as string
  const scope = `${date.slice(0, 8)}/${region}/sts/aws4_request`
  const canonicalQuery = QUERY
  const canonical = [
    'POST',
    '/',
    canonicalQuery,
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    sha256(''),
  ]
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical.join('\n'))].join('\n')
  const key = [region, 'sts', 'aws4_request'].reduce(hmac, hmac(`AWS4${SECRET}`, date.slice(0, 8)) as Buffer)
  return hmac(key, text).toString('hex')
}

interface Sign {
  readonly host?: string
  readonly region?: string
  readonly headers?: Record<string, string | undefined>
  /** Instead of all of them. */
  readonly signed?: readonly string[]
  readonly url?: string
  readonly more?: Record<string, unknown>
}

/** A workload with credentials of AWS, and its subject tokens. */
export const createWorkload = (clock: Clock, audience: string) => ({
  sign({ region = REGION, host = `sts.${region}.amazonaws.com`, headers: given = {}, signed, url, more }: Sign = {}) {
    const date = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, '')
    const usual = { host, 'x-amz-date': date, 'x-amz-security-token': 'session', 'x-keycourt-audience': audience }
    const entries = Object.entries({ ...usual, ...given }).filter(([, value]) => value !== undefined)
    const headers = Object.fromEntries(entries) as Record<string, string>
    const names = [...(signed ?? Object.keys(headers))].sort()
    const scope = `${headers['x-amz-date']?.slice(0, 8)}/${region}/sts/aws4_request`
    const signature = signatureOf({ ...usual, ...headers } as Record<string, string>, names, region)
    const authorization = `AWS4-HMAC-SHA256 Credential=ASIAABCDEFGHIJKLMNOP/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
    const list = Object.entries({ authorization, ...headers }).map(([key, value]) => ({ key, value }))
    return encodeURIComponent(
      JSON.stringify({ url: url ?? `https://${host}?${QUERY}`, method: 'POST', headers: list, ...more }),
    )
  },
})

export const identity = (result: object = {}) => ({
  GetCallerIdentityResponse: {
    GetCallerIdentityResult: {
      Account: '123456789012',
      Arn: 'arn:aws:sts::123456789012:assumed-role/Ingest/i-0abc',
      UserId: 'AROAEXAMPLE:i-0abc',
      ...result,
    },
    ResponseMetadata: { RequestId: '01234567-89ab-cdef-0123-456789abcdef' },
  },
})

/** AWS, as far as a workload's signature goes: checks it by the headers that really arrived. */
export async function createSts(answer: RequestListener = json(identity())) {
  const server = await origin((request, response) => {
    const [, region = '', names = '', signature] =
      /\/([\w-]+)\/sts\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
        request.headers.authorization ?? '',
      ) ?? []
    const headers = { ...(request.headers as Record<string, string>), host: `sts.${region}.amazonaws.com` }
    const isGood = signatureOf(headers, names.split(';'), region) === signature && request.url === `/?${QUERY}`
    if (isGood && request.method === 'POST') return answer(request, response)
    response.writeHead(403, { 'content-type': 'application/json' }).end('{"Error":{"Code":"SignatureDoesNotMatch"}}')
  })
  const here = createOutbound({ allow: ['127.0.0.1'] })
  const asked: string[] = []
  return {
    requests: server.requests,
    /** What was asked for, before it was led here. */
    asked,
    outbound: {
      postJson: (url: string, limits: Parameters<typeof here.postJson>[1]) => {
        asked.push(url)
        return here.postJson(url.replace(/^https:\/\/[^/]+/, `http://127.0.0.1:${server.port}`), limits)
      },
    },
  }
}
