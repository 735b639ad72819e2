import { authorize, describeLanding, obtainCode, redeem } from '../acting/authorization.ts'
import { mintForResource } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import { granted, judge } from '../judge.ts'
import { turnedDown } from './rfc6749/authorization-endpoint.ts'
import { listIn } from './rfc8414.ts'

/** draft-ietf-oauth-v2-1: what is new in it, or stricter than the documents that it joins. */
const { must, should } = requirementsOf('OAuth 2.1')

const withPort = (uri: string, port: number): string => {
  const url = new URL(uri)
  url.port = String(port)
  return url.href
}

export const oauth21 = [
  must('4.1.1 code-challenge', 'A public client gets no code without a code_challenge', ['code'], async (context) =>
    turnedDown(
      await authorize(context, { code_challenge: undefined, code_challenge_method: undefined }),
      'invalid_request',
    ),
  ),
  must(
    '4.1.3 no-redirect-uri',
    'The token request needs no redirect_uri: code_verifier does what it was for',
    ['code'],
    async (context) => granted(await redeem(context, await obtainCode(context), { redirect_uri: undefined })),
  ),
  must('10 no-implicit', 'There is no response_type token', ['code'], async (context) => {
    const landing = await authorize(context, { response_type: 'token' })
    return judge(!landing.response?.has('access_token'), describeLanding(landing))
  }),
  must(
    '10 no-implicit-metadata',
    'The implicit and password grants are not in the metadata',
    ['token'],
    async ({ metadata }) => {
      const types = listIn(metadata.grant_types_supported)
      return judge(!types.includes('implicit') && !types.includes('password'), types.join(' ') || 'the default')
    },
  ),
  must(
    '5.1 not-in-the-query',
    'A token in the query of a URI is not accepted',
    ['protected_resource'],
    async (context) => {
      const url = new URL(context.the('protected_resource').url)
      url.searchParams.set('access_token', await mintForResource(context))
      const { status } = await context.send({ url: url.href })
      return judge(status >= 400 && status < 500, String(status))
    },
  ),
  must(
    '8.4.2 loopback-port',
    'A loopback redirect URI matches with any port (RFC 8252 §7.3)',
    ['loopback'],
    async (context) => {
      const uri = String(context.the('public_client').loopback_redirect_uri)
      const landing = await authorize(context, {
        redirect_uri: withPort(uri, 49_152 + Math.floor(Math.random() * 10_000)),
      })
      return judge(!!landing.response?.has('code'), describeLanding(landing))
    },
  ),
  should(
    '3.2.4 no-store',
    'An error of the token endpoint is not stored by caches',
    ['token'],
    async ({ send, url }) => {
      const { headers } = await send({ url: url('token_endpoint'), form: { grant_type: 'urn:example:unknown' } })
      const control = headers.get('cache-control') ?? 'none'
      return judge(/\bno-store\b/i.test(control), `cache-control: ${control}`)
    },
  ),
]
