import { requirementsOf } from '../check.ts'
import { isDocument } from '../discovery.ts'
import { describe, judge } from '../judge.ts'
import { listIn } from './rfc8414.ts'

const { must, should } = requirementsOf('OpenID Connect Discovery 1.0')

const NEEDS = ['openid'] as const

const required = (name: string) =>
  must(`3 ${name.replaceAll('_', '-')}`, `${name} is there`, NEEDS, async ({ discovered: { openid } }) =>
    judge(openid.body[name] !== undefined, JSON.stringify(openid.body[name]) ?? 'missing'),
  )

export const openidDiscovery = [
  must(
    '4 well-known',
    'The configuration is at the well-known URL behind the issuer',
    NEEDS,
    async ({ discovered: { openid } }) => judge(isDocument(openid), describe(openid)),
  ),
  must('4.2 json', 'The configuration is application/json', NEEDS, async ({ discovered: { openid } }) => {
    const type = openid.headers.get('content-type') ?? 'none'
    return judge(/^application\/json\b/i.test(type), type)
  }),
  must(
    '4.3 issuer',
    'issuer is the issuer that the URL was made of, to the letter',
    NEEDS,
    async ({ issuer, discovered }) =>
      judge(discovered.openid.body.issuer === issuer, String(discovered.openid.body.issuer)),
  ),
  required('authorization_endpoint'),
  required('jwks_uri'),
  required('response_types_supported'),
  required('subject_types_supported'),
  required('id_token_signing_alg_values_supported'),
  must('3 rs256', 'id_token_signing_alg_values_supported has RS256', NEEDS, async ({ metadata }) => {
    const algs = listIn(metadata.id_token_signing_alg_values_supported)
    return judge(algs.includes('RS256'), algs.join(' '))
  }),
  should('3 scopes-supported', 'scopes_supported has openid', NEEDS, async ({ metadata }) =>
    judge(
      listIn(metadata.scopes_supported).includes('openid'),
      metadata.scopes_supported === undefined ? 'none' : 'a list',
    ),
  ),
]
