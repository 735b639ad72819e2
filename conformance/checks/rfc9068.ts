import { decodeJwt, decodeProtectedHeader } from 'jose'
import { verifies } from '../acting/published-keys.ts'
import { mint } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { judge, NotOffered } from '../judge.ts'

const { must, should } = requirementsOf('RFC 9068')

const NEEDS = ['client_credentials'] as const

/** The access token that a client gets, for a resource if there is one; where it is no JWT, none of this applies. */
async function jwtOf(context: Context, form = {}) {
  const resource = context.profile.resource
  const token = await mint(context, resource ? { resource: resource.identifier, ...form } : form)
  try {
    return { token, header: decodeProtectedHeader(token), claims: decodeJwt(token) }
  } catch {
    throw new NotOffered('access tokens are opaque')
  }
}

const REQUIRED = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']

export const rfc9068 = [
  must('2.1 typ', 'The typ of a JWT access token is at+jwt', NEEDS, async (context) => {
    const { header } = await jwtOf(context)
    return judge(/^(application\/)?at\+jwt$/i.test(String(header.typ)), `typ ${String(header.typ)}`)
  }),
  must('2.1 signed', 'It is signed, and not with none', NEEDS, async (context) => {
    const { header } = await jwtOf(context)
    return judge(typeof header.alg === 'string' && header.alg !== 'none', `alg ${String(header.alg)}`)
  }),
  must('2.2 claims', `It has ${REQUIRED.join(', ')}`, NEEDS, async (context) => {
    const { claims } = await jwtOf(context)
    const missing = REQUIRED.filter((name) => claims[name] === undefined)
    return judge(missing.length === 0, missing.length ? `without ${missing.join(', ')}` : 'all are there')
  }),
  must('2.2 issuer', 'iss is the issuer, client_id the client', NEEDS, async (context) => {
    const { claims } = await jwtOf(context)
    const isRight = claims.iss === context.issuer && claims.client_id === context.the('client').client_id
    return judge(isRight, `iss ${claims.iss}, client_id ${String(claims.client_id)}`)
  }),
  must('4 verifies', 'Its signature verifies with a key of jwks_uri', [...NEEDS, 'jwks'], async (context) =>
    verifies(context, (await jwtOf(context)).token),
  ),
  must('3 audience', 'Its audience is the resource that was asked for', ['resource'], async (context) => {
    const { claims } = await jwtOf(context)
    return judge([claims.aud].flat().includes(context.the('resource').identifier), `aud ${JSON.stringify(claims.aud)}`)
  }),
  should('2.2.3 scope', 'It has the scope that was asked for', ['resource'], async (context) => {
    const scope = context.the('resource').scope.join(' ')
    if (!scope) throw new NotOffered('the resource has no scope')
    const { claims } = await jwtOf(context, { scope })
    return judge(claims.scope === scope, `scope ${String(claims.scope)}`)
  }),
]
