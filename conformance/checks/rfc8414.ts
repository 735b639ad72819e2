import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { isDocument } from '../discovery.ts'
import { describe, judge } from '../judge.ts'

const { must, should } = requirementsOf('RFC 8414')

/** Metadata whose value is a URL that a client sends something to. */
const isEndpoint = (name: string): boolean => /_endpoint$|^jwks_uri$/.test(name)

/** https, or a server on one's own machine, which is not on the network. */
export const isProtected = (url: unknown): boolean => {
  if (typeof url !== 'string' || !URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)
}

export const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const USES_JWT = ['private_key_jwt', 'client_secret_jwt']

/** RFC 8414 §2 says the same of three endpoints. */
function algsOf({ metadata }: Context, endpoint: string) {
  const methods = listIn(metadata[`${endpoint}_endpoint_auth_methods_supported`])
  const algs = listIn(metadata[`${endpoint}_endpoint_auth_signing_alg_values_supported`])
  return { usesJwt: methods.some((method) => USES_JWT.includes(String(method))), algs }
}

const assertionAlgs = (endpoint: string) =>
  must(
    `2 ${endpoint}-algs`,
    `The algorithms of client assertions at the ${endpoint} endpoint are listed where JWTs authenticate, and none is not among them`,
    ['token'],
    async (context) => {
      const { usesJwt, algs } = algsOf(context, endpoint)
      return judge(!algs.includes('none') && (!usesJwt || algs.length > 0), algs.join(' ') || 'no algorithms')
    },
  )

export const rfc8414 = [
  must(
    '3 well-known',
    'The metadata are at the well-known URL, between host and path of the issuer',
    [],
    async ({ discovered }) => judge(isDocument(discovered.oauth), describe(discovered.oauth)),
  ),
  must('3.2 json', 'The metadata are application/json', [], async ({ discovered: { oauth } }) => {
    const type = oauth.headers.get('content-type') ?? 'no content type'
    return judge(/^application\/json\b/i.test(type), type)
  }),
  must(
    '3.3 issuer',
    'issuer is the issuer that the URL was made of, to the letter',
    [],
    async ({ issuer, discovered }) => {
      const { issuer: said } = discovered.oauth.body
      return judge(said === issuer, String(said))
    },
  ),
  must('2 issuer-url', 'issuer is an https URL without query and fragment', [], async ({ metadata: { issuer } }) =>
    judge(isProtected(issuer) && !/[?#]/.test(String(issuer)), String(issuer)),
  ),
  must(
    '2 authorization-endpoint',
    'authorization_endpoint is there, unless no grant uses it',
    [],
    async ({ metadata }) => {
      const { authorization_endpoint, grant_types_supported = ['authorization_code'] } = metadata
      const isUsed = listIn(grant_types_supported).some((type) => type === 'authorization_code' || type === 'implicit')
      return judge(
        !isUsed || typeof authorization_endpoint === 'string',
        String(authorization_endpoint ?? 'none, none is used'),
      )
    },
  ),
  must('2 token-endpoint', 'token_endpoint is there', [], async ({ metadata: { token_endpoint } }) =>
    judge(typeof token_endpoint === 'string', String(token_endpoint)),
  ),
  must(
    '2 response-types',
    'response_types_supported is there',
    [],
    async ({ metadata: { response_types_supported } }) =>
      judge(Array.isArray(response_types_supported), JSON.stringify(response_types_supported) ?? 'none'),
  ),
  must('2 endpoint-urls', 'Every endpoint is an absolute https URL', [], async ({ metadata }) => {
    const wrong = Object.entries(metadata).filter(([name, url]) => isEndpoint(name) && !isProtected(url))
    return judge(wrong.length === 0, wrong.map(([name]) => name).join(' ') || 'all are')
  }),
  must('3.2 no-empty-lists', 'Claims with zero elements are left out', [], async ({ discovered: { oauth } }) => {
    const empty = Object.entries(oauth.body).filter(([, value]) => Array.isArray(value) && value.length === 0)
    return judge(empty.length === 0, empty.map(([name]) => name).join(' ') || 'no empty list')
  }),
  assertionAlgs('token'),
  assertionAlgs('introspection'),
  assertionAlgs('revocation'),
  should(
    '2 grant-types',
    'grant_types_supported lists what a client uses here',
    ['client_credentials'],
    async ({ metadata }) => {
      const types = listIn(metadata.grant_types_supported)
      return judge(types.includes('client_credentials'), types.join(' ') || 'the default')
    },
  ),
  should(
    '2 auth-methods',
    'token_endpoint_auth_methods_supported lists what a client uses here',
    ['client_credentials'],
    async (context) => {
      const { token_endpoint_auth_methods_supported: listed = ['client_secret_basic'] } = context.metadata
      const used = context.the('client').methods
      return judge(
        used.every((method) => listIn(listed).includes(method)),
        listIn(listed).join(' '),
      )
    },
  ),
]
