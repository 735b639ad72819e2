import { obtainTokens, refresh } from '../acting/authorization.ts'
import { byName, bySecret, withWrongSecret } from '../acting/client.ts'
import { isLive, mint, post, revoke } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { all, describe, failed, granted, judge, passed, refused } from '../judge.ts'
import { refreshTokenOf } from './rfc6749/refresh.ts'

const { must, should } = requirementsOf('RFC 7009')

const NEEDS = ['revocation'] as const

const answered200 = (answer: Awaited<ReturnType<typeof revoke>>) => judge(answer.status === 200, describe(answer))

const isDead = async (context: Context, token: string) =>
  (await isLive(context, token)) ? failed('the token is still good') : passed('the token is dead')

export const rfc7009 = [
  must('2.2 revoked', 'A revocation is answered with 200', NEEDS, async (context) =>
    answered200(await revoke(context, await mint(context))),
  ),
  must('2 at-once', 'A revoked access token is dead when the answer is there', NEEDS, async (context) => {
    const token = await mint(context)
    return all(answered200(await revoke(context, token)), isDead(context, token))
  }),
  must('2.2 unknown', 'An unknown token is answered with 200 as well', NEEDS, async (context) =>
    answered200(await revoke(context, 'conformance-no-such-token')),
  ),
  must('2.2 twice', 'A token that was revoked before is answered with 200 as well', NEEDS, async (context) => {
    const token = await mint(context)
    await revoke(context, token)
    return answered200(await revoke(context, token))
  }),
  must('2.1 missing-token', 'A request without token is an invalid_request', NEEDS, async (context) =>
    refused(await revoke(context, '', { token: undefined }), 'invalid_request'),
  ),
  must(
    '2.1 wrong-secret',
    'A client that fails to authenticate is refused, and revokes nothing',
    NEEDS,
    async (context) => {
      const token = await mint(context)
      const answer = await revoke(context, token, {}, bySecret(withWrongSecret(context.the('client'))))
      const isStillGood = await isLive(context, token)
      return all(
        refused(answer, 'invalid_client'),
        judge(isStillGood, `${describe(answer)}; ${isStillGood ? 'still good' : 'revoked'}`),
      )
    },
  ),
  must('2.1 no-client', 'A request without a client is refused, and revokes nothing', NEEDS, async (context) => {
    const token = await mint(context)
    const answer = await post(context, 'revocation_endpoint', { token })
    return all(refused(answer), judge(await isLive(context, token), describe(answer)))
  }),
  must('2.1 foreign', "Another client's token is left alone", [...NEEDS, 'other_client'], async (context) => {
    const token = await mint(context)
    const answer = await revoke(context, token, {}, bySecret(context.the('other_client')))
    const isStillGood = await isLive(context, token)
    return judge(isStillGood, `${describe(answer)}; ${isStillGood ? 'still good' : 'revoked'}`)
  }),
  must(
    '2.1 foreign-refresh-token',
    "Another public client's refresh token is left alone",
    [...NEEDS, 'other_public_client'],
    async (context) => {
      const token = await refreshTokenOf(context)
      await revoke(context, token, {}, byName(context.the('other_public_client')))
      return granted(await refresh(context, token))
    },
  ),
  must('2.1 wrong-hint', 'A wrong token_type_hint does not stop a revocation', NEEDS, async (context) => {
    const token = await mint(context)
    return all(answered200(await revoke(context, token, { token_type_hint: 'refresh_token' })), isDead(context, token))
  }),
  must('2.2 unknown-hint', 'An unknown token_type_hint is ignored', NEEDS, async (context) => {
    const token = await mint(context)
    return all(answered200(await revoke(context, token, { token_type_hint: 'conformance' })), isDead(context, token))
  }),
  must('2 refresh-token', 'A revoked refresh token is dead', [...NEEDS, 'code'], async (context) => {
    const token = await refreshTokenOf(context)
    const answer = await revoke(context, token, {}, byName(context.the('public_client')))
    return all(answered200(answer), refused(await refresh(context, token), 'invalid_grant'))
  }),
  should(
    '2.1 whole-grant',
    'With a refresh token go the access tokens of its grant',
    [...NEEDS, 'code'],
    async (context) => {
      const { accessToken, refreshToken } = await obtainTokens(context)
      if (!refreshToken) return passed('no refresh token is given')
      await revoke(context, refreshToken, {}, byName(context.the('public_client')))
      return isDead(context, accessToken)
    },
  ),
]
