import { obtainTokens } from '../acting/authorization.ts'
import { byName, bySecret, withWrongSecret } from '../acting/client.ts'
import { altered, introspect, mint, post, revoke } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { all, describe, isRefusal, judge, NotOffered } from '../judge.ts'

const { must, should } = requirementsOf('RFC 7662')

const NEEDS = ['introspection', 'client_credentials'] as const

const introspected = async (context: Context) => introspect(context, await mint(context))

const NUMERIC = ['exp', 'iat', 'nbf']

/** A number of seconds, if it is there at all. */
const isTime = (value: unknown): boolean => value === undefined || (Number.isInteger(value) && Number(value) > 0)

export const rfc7662 = [
  must('2.2 active', 'A good token is active: true', NEEDS, async (context) => {
    const answer = await introspected(context)
    return judge(
      answer.status === 200 && answer.body.active === true,
      `${describe(answer)}, active ${answer.body.active}`,
    )
  }),
  must('2.2 json', 'The answer is application/json', NEEDS, async (context) => {
    const type = (await introspected(context)).headers.get('content-type') ?? 'none'
    return judge(/^application\/json\b/i.test(type), type)
  }),
  must('2.1 authorization', 'Without authentication nothing is told', NEEDS, async (context) => {
    const answer = await post(context, 'introspection_endpoint', { token: await mint(context) })
    return judge(isRefusal(answer) && answer.body.active === undefined, describe(answer))
  }),
  must('2.1 name-only', 'The name of a client is no authentication', NEEDS, async (context) => {
    const credentials = byName(context.the('introspection_client'))
    const answer = await post(context, 'introspection_endpoint', { token: await mint(context) }, credentials)
    return judge(isRefusal(answer) && answer.body.active === undefined, describe(answer))
  }),
  must('2.3 wrong-secret', 'A caller that fails to authenticate gets 401', NEEDS, async (context) => {
    const credentials = bySecret(withWrongSecret(context.the('introspection_client')))
    const answer = await post(context, 'introspection_endpoint', { token: await mint(context) }, credentials)
    return judge(answer.status === 401, describe(answer))
  }),
  must('2.2 unknown', 'An unknown token is active: false, and no error', NEEDS, async (context) => {
    const answer = await introspect(context, 'conformance-no-such-token')
    return judge(
      answer.status === 200 && answer.body.active === false,
      `${describe(answer)}, active ${answer.body.active}`,
    )
  }),
  should('2.2 nothing-more', 'Of an inactive token nothing else is told', NEEDS, async (context) => {
    const answer = await introspect(context, 'conformance-no-such-token')
    return judge(Object.keys(answer.body).join() === 'active', describe(answer))
  }),
  must('2.1 missing-token', 'A request without token is refused', NEEDS, async (context) => {
    const answer = await introspect(context, '', { token: undefined })
    return judge(isRefusal(answer) && answer.body.active !== true, describe(answer))
  }),
  must('2.1 wrong-hint', 'A wrong token_type_hint does not hide a token', NEEDS, async (context) => {
    const { body } = await introspect(context, await mint(context), { token_type_hint: 'refresh_token' })
    return judge(body.active === true, `active ${body.active}`)
  }),
  must('2.1 unknown-hint', 'An unknown token_type_hint is ignored', NEEDS, async (context) => {
    const { body } = await introspect(context, await mint(context), { token_type_hint: 'conformance' })
    return judge(body.active === true, `active ${body.active}`)
  }),
  must('2.2 times', 'exp, iat and nbf are numbers of seconds', NEEDS, async (context) => {
    const { body } = await introspected(context)
    const wrong = NUMERIC.filter((name) => !isTime(body[name]))
    return judge(wrong.length === 0, wrong.join(' ') || 'all are')
  }),
  must('2.2 scope', 'scope is a string of scopes', NEEDS, async (context) => {
    const { scope } = (await introspected(context)).body
    return judge(scope === undefined || typeof scope === 'string', typeof scope)
  }),
  must('2.2 client', 'client_id is that of the client whose token it is', NEEDS, async (context) => {
    const { client_id } = (await introspected(context)).body
    return judge(client_id === undefined || client_id === context.the('client').client_id, String(client_id))
  }),
  must('2.2 issuer', 'iss is the issuer', NEEDS, async (context) => {
    const { iss } = (await introspected(context)).body
    return judge(iss === undefined || iss === context.issuer, String(iss))
  }),
  must('4 revoked', 'A revoked token is inactive', [...NEEDS, 'revocation'], async (context) => {
    const token = await mint(context)
    const before = await introspect(context, token)
    await revoke(context, token)
    const { body } = await introspect(context, token)
    return all(
      judge(before.body.active === true, 'inactive before'),
      judge(body.active === false, `active ${body.active}`),
    )
  }),
  must('4 altered', 'A token that was altered is inactive', NEEDS, async (context) => {
    const { body } = await introspect(context, altered(await mint(context)))
    return judge(body.active === false, `active ${body.active}`)
  }),
  should('2.2 sub', 'A token that a person agreed to says whose it is', ['introspection', 'code'], async (context) => {
    const { accessToken } = await obtainTokens(context)
    const { body } = await introspect(context, accessToken)
    if (body.active !== true) throw new NotOffered('introspection_client does not see the token')
    return judge(typeof body.sub === 'string', `sub is ${typeof body.sub}`)
  }),
]
