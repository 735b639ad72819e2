import { generateKeyPair } from 'jose'
import { bySecret } from '../acting/client.ts'
import type { Answer, Form } from '../acting/http.ts'
import { type Claims, seconds, sign, unsecured, withWrongSignature } from '../acting/jwt.ts'
import { introspect, mint, requestToken } from '../acting/tokens.ts'
import { exchangeJwt, TOKEN_EXCHANGE, tokenType, trustedClaims, trustedJwt } from '../acting/trusted-issuer.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { all, describe, granted, judge, refused } from '../judge.ts'

const { must, should } = requirementsOf('RFC 8693')

const OWN = ['token_exchange'] as const
const JWT = ['subject_jwt'] as const

/** An exchange of a token of `client`, by `client`. */
async function exchange(context: Context, change: Form = {}): Promise<Answer> {
  const subject_token = 'subject_token' in change ? change.subject_token : await mint(context)
  const form = { grant_type: TOKEN_EXCHANGE, subject_token_type: tokenType('access_token'), ...change, subject_token }
  return requestToken(context, form, bySecret(context.the('client')))
}

const refusedWith = (claims: () => Claims) => async (context: Context) =>
  refused(await exchangeJwt(context, await trustedJwt(context, claims())), 'invalid_request')

function isComplete(answer: Answer) {
  const { issued_token_type, token_type } = answer.body
  const seen = `issued_token_type ${String(issued_token_type)}, token_type ${String(token_type)}`
  return all(granted(answer), judge(typeof issued_token_type === 'string' && typeof token_type === 'string', seen))
}

const ownTokens = [
  must('2.2.1 response', 'The answer has access_token, issued_token_type and token_type', OWN, async (context) =>
    isComplete(await exchange(context)),
  ),
  must('2.2.1 issued-type', 'What is issued is of the requested_token_type', OWN, async (context) => {
    const answer = await exchange(context, { requested_token_type: tokenType('access_token') })
    return all(
      granted(answer),
      judge(answer.body.issued_token_type === tokenType('access_token'), String(answer.body.issued_token_type)),
    )
  }),
  must('2.1 missing-subject', 'A request without subject_token is an invalid_request', OWN, async (context) =>
    refused(await exchange(context, { subject_token: undefined }), 'invalid_request'),
  ),
  must('2.1 missing-type', 'A request without subject_token_type is an invalid_request', OWN, async (context) =>
    refused(await exchange(context, { subject_token_type: undefined }), 'invalid_request'),
  ),
  must('2.1 unknown-type', 'An unknown subject_token_type is an invalid_request', OWN, async (context) =>
    refused(await exchange(context, { subject_token_type: 'urn:example:unknown' }), 'invalid_request'),
  ),
  must(
    '2.1 actor-without-type',
    'An actor_token without actor_token_type is an invalid_request',
    OWN,
    async (context) => refused(await exchange(context, { actor_token: await mint(context) }), 'invalid_request'),
  ),
  must(
    '2.1 type-without-actor',
    'An actor_token_type without actor_token is an invalid_request',
    OWN,
    async (context) =>
      refused(await exchange(context, { actor_token_type: tokenType('access_token') }), 'invalid_request'),
  ),
  must('2.2.2 unknown-subject', 'An unknown subject_token is an invalid_request', OWN, async (context) =>
    refused(await exchange(context, { subject_token: 'conformance-no-such-token' }), 'invalid_request'),
  ),
  must('2.2.2 unknown-actor', 'An unknown actor_token is an invalid_request', OWN, async (context) => {
    const actor = { actor_token: 'conformance-no-such-token', actor_token_type: tokenType('access_token') }
    return refused(await exchange(context, actor), 'invalid_request')
  }),
  must(
    '2.2.2 requested-type',
    'A requested_token_type that is not issued is an invalid_request',
    OWN,
    async (context) =>
      refused(await exchange(context, { requested_token_type: 'urn:example:unknown' }), 'invalid_request'),
  ),
  should('2.2.2 unknown-target', 'An unknown resource is invalid_target', OWN, async (context) =>
    refused(await exchange(context, { resource: 'https://unknown.example/conformance' }), 'invalid_target'),
  ),
  must(
    '2.1 narrower',
    'An exchange may ask for less scope, and gets no more',
    [...OWN, 'two_scopes'],
    async (context) => {
      const [scope = ''] = context.the('client').scope
      const answer = await exchange(context, { scope })
      const { scope: got = scope } = answer.body
      return all(granted(answer), judge(got === scope, `asked for ${scope}, got ${String(got)}`))
    },
  ),
  should(
    '5 never-wider',
    'An exchange never gives scope that the subject token lacks',
    [...OWN, 'two_scopes'],
    async (context) => {
      const [one = '', other = ''] = context.the('client').scope
      const answer = await exchange(context, {
        subject_token: await mint(context, { scope: one }),
        scope: `${one} ${other}`,
      })
      if (answer.status !== 200) return refused(answer, 'invalid_scope', 'invalid_request')
      return judge(!String(answer.body.scope).split(' ').includes(other), `got ${String(answer.body.scope)}`)
    },
  ),
  must('2.2.1 good', 'The issued token is good', [...OWN, 'introspection'], async (context) => {
    const answer = await exchange(context)
    const { body } = await introspect(context, String(answer.body.access_token))
    return all(granted(answer), judge(body.active === true, `active ${body.active}`))
  }),
]

const jwtSubjects = [
  must('2.1 jwt', 'A JWT of a trusted issuer is exchanged', JWT, async (context) =>
    isComplete(await exchangeJwt(context, await trustedJwt(context))),
  ),
  must(
    '2.2.2 expired',
    'An expired subject_token is an invalid_request',
    JWT,
    refusedWith(() => ({ iat: seconds() - 900, exp: seconds() - 600 })),
  ),
  must(
    '2.2.2 issuer',
    'A subject_token of an unknown issuer is an invalid_request',
    JWT,
    refusedWith(() => ({ iss: 'https://other.example' })),
  ),
  must(
    '2.2.2 audience',
    'A subject_token for somebody else is an invalid_request',
    JWT,
    refusedWith(() => ({ aud: 'https://other.example' })),
  ),
  must('2.2.2 signature', 'A subject_token whose signature is wrong is an invalid_request', JWT, async (context) =>
    refused(await exchangeJwt(context, withWrongSignature(await trustedJwt(context))), 'invalid_request'),
  ),
  must('2.2.2 key', 'A subject_token by another key is an invalid_request', JWT, async (context) => {
    const { alg, kid, private_jwk } = context.the('trusted_issuer')
    const { privateKey } = await generateKeyPair(alg)
    const forged = await sign(trustedClaims(context), { alg, kid: kid ?? private_jwk.kid, typ: 'JWT' }, privateKey)
    return refused(await exchangeJwt(context, forged), 'invalid_request')
  }),
  must('2.2.2 none', 'A subject_token that nobody signed is an invalid_request', JWT, async (context) =>
    refused(await exchangeJwt(context, unsecured(trustedClaims(context), { typ: 'JWT' })), 'invalid_request'),
  ),
  must(
    '2.2.1 no-store',
    'The answer has Cache-Control: no-store, as every answer with tokens',
    JWT,
    async (context) => {
      const answer = await exchangeJwt(context, await trustedJwt(context))
      const control = answer.headers.get('cache-control') ?? 'none'
      return all(
        granted(answer),
        judge(/\bno-store\b/i.test(control), `${describe(answer)}, cache-control: ${control}`),
      )
    },
  ),
]

export const rfc8693 = [...ownTokens, ...jwtSubjects]
