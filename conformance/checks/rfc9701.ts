import { decodeJwt, decodeProtectedHeader } from 'jose'
import { verifies } from '../acting/published-keys.ts'
import { introspect, mint } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { Blocked, describe, judge } from '../judge.ts'
import { listIn } from './rfc8414.ts'

const { must, should } = requirementsOf('RFC 9701')

const NEEDS = ['signed_introspection', 'client_credentials'] as const
const TYPE = 'application/token-introspection+jwt'

/** A signed answer about this token; about a good one unless it is given. */
async function signedAnswer(context: Context, token?: string) {
  const answer = await introspect(context, token ?? (await mint(context)), {}, { accept: TYPE })
  try {
    return { answer, header: decodeProtectedHeader(answer.text), claims: decodeJwt(answer.text) }
  } catch {
    throw new Blocked(`no JWT: ${describe(answer)}`)
  }
}

const introspectionIn = (claims: Record<string, unknown>) =>
  (claims.token_introspection ?? {}) as Readonly<Record<string, unknown>>

export const rfc9701 = [
  must('5 content-type', `A signed answer is ${TYPE}`, NEEDS, async (context) => {
    const type = (await signedAnswer(context)).answer.headers.get('content-type') ?? 'none'
    return judge(type.toLowerCase().startsWith(TYPE), type)
  }),
  must('5 typ', 'Its typ is token-introspection+jwt', NEEDS, async (context) => {
    const { typ } = (await signedAnswer(context)).header
    return judge(/^(application\/)?token-introspection\+jwt$/i.test(String(typ)), `typ ${String(typ)}`)
  }),
  must('5 claims', 'It has iss, aud, iat and token_introspection', NEEDS, async (context) => {
    const { claims } = await signedAnswer(context)
    const missing = ['iss', 'aud', 'iat', 'token_introspection'].filter((name) => claims[name] === undefined)
    return judge(missing.length === 0, missing.length ? `without ${missing.join(', ')}` : 'all are there')
  }),
  must('5 audience', 'iss is the issuer, aud whoever asked', NEEDS, async (context) => {
    const { iss, aud } = (await signedAnswer(context)).claims
    const isRight = iss === context.issuer && [aud].flat().includes(context.the('introspection_client').client_id)
    return judge(isRight, `iss ${iss}, aud ${JSON.stringify(aud)}`)
  }),
  must('5 active', 'Of a good token it says active: true', NEEDS, async (context) => {
    const { active } = introspectionIn((await signedAnswer(context)).claims)
    return judge(active === true, `active ${String(active)}`)
  }),
  must('5 inactive', 'Of an unknown token it says active: false, and no more', NEEDS, async (context) => {
    const told = introspectionIn((await signedAnswer(context, 'conformance-no-such-token')).claims)
    return judge(told.active === false && Object.keys(told).length === 1, Object.keys(told).join(', '))
  }),
  must('5 signature', 'Its signature verifies with a key of jwks_uri', [...NEEDS, 'jwks'], async (context) =>
    verifies(context, (await signedAnswer(context)).answer.text),
  ),
  should(
    '5 no-access-token',
    'It has no sub and no exp of its own, by which it could pass for an access token',
    NEEDS,
    async (context) => {
      const { sub, exp } = (await signedAnswer(context)).claims
      return judge(
        sub === undefined && exp === undefined,
        `sub ${sub === undefined ? 'missing' : 'there'}, exp ${exp === undefined ? 'missing' : 'there'}`,
      )
    },
  ),
  must(
    '7 algs',
    'introspection_signing_alg_values_supported does not have none',
    ['signed_introspection'],
    async ({ metadata }) => {
      const algs = listIn(metadata.introspection_signing_alg_values_supported)
      return judge(!algs.includes('none'), algs.join(' '))
    },
  ),
]
