import { obtainTokens, refresh } from '../../acting/authorization.ts'
import { requirementsOf } from '../../check.ts'
import type { Context } from '../../context.ts'
import { all, granted, judge, NotOffered, refused } from '../../judge.ts'

const { must } = requirementsOf('RFC 6749')

/** A refresh token of the public client, if it is given any. */
export async function refreshTokenOf(context: Context): Promise<string> {
  const { refreshToken } = await obtainTokens(context)
  if (!refreshToken) throw new NotOffered('the public client gets no refresh token')
  return refreshToken
}

export const refreshToken = [
  must('6 refresh', 'A refresh token gives an access token', ['code'], async (context) =>
    granted(await refresh(context, await refreshTokenOf(context))),
  ),
  must('6 no-more-scope', 'A refresh never gives a scope that was not granted', ['code'], async (context) => {
    const answer = await refresh(context, await refreshTokenOf(context), { scope: 'conformance:unknown' })
    if (answer.status !== 200) return refused(answer, 'invalid_scope')
    const { scope } = answer.body
    return judge(typeof scope === 'string' && !scope.includes('conformance:unknown'), `got ${String(scope)}`)
  }),
  must('6 narrower-scope', 'A refresh may ask for less', ['code'], async (context) => {
    const [scope] = context.the('public_client').scope.filter((each) => !/^(openid|offline_access)$/.test(each))
    if (scope === undefined) throw new NotOffered('public_client has no scope to ask for alone')
    const answer = await refresh(context, await refreshTokenOf(context), { scope })
    const { scope: got = scope } = answer.body
    return all(granted(answer), judge(got === scope, `asked for ${scope}, got ${String(got)}`))
  }),
  must('6 client', 'A refresh token of another client is refused', ['other_public_client'], async (context) => {
    const { client_id } = context.the('other_public_client')
    return refused(await refresh(context, await refreshTokenOf(context), { client_id }), 'invalid_grant')
  }),
  must('5.2 unknown-refresh-token', 'An unknown refresh token is invalid_grant', ['code'], async (context) =>
    refused(await refresh(context, 'conformance-no-such-token'), 'invalid_grant'),
  ),
  must('6 missing-refresh-token', 'A request without refresh_token is an invalid_request', ['code'], async (context) =>
    refused(await refresh(context, '', { refresh_token: undefined }), 'invalid_request'),
  ),
]
