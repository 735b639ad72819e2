import { obtainCode, obtainTokens, redeem } from '../../acting/authorization.ts'
import { bySecret } from '../../acting/client.ts'
import { isLive, requestToken, tokenIn } from '../../acting/tokens.ts'
import { requirementsOf } from '../../check.ts'
import { all, granted, judge, refused } from '../../judge.ts'

const { must, should } = requirementsOf('RFC 6749')

export const authorizationCode = [
  must('4.1.3 redeemed', 'The client redeems the code for a token', ['code'], async (context) =>
    granted(await redeem(context, await obtainCode(context))),
  ),
  must('4.1.4 no-store', 'The answer with the tokens has Cache-Control: no-store', ['code'], async (context) => {
    const { answer } = await obtainTokens(context)
    const control = answer.headers.get('cache-control') ?? 'none'
    return judge(/\bno-store\b/i.test(control), `cache-control: ${control}`)
  }),
  must('4.1.2 once', 'A code is good once; the second time is invalid_grant', ['code'], async (context) => {
    const code = await obtainCode(context)
    return all(granted(await redeem(context, code)), refused(await redeem(context, code), 'invalid_grant'))
  }),
  must(
    '4.1.2 once-in-a-race',
    'Of ten that redeem one code at once, one gets tokens at most',
    ['code'],
    async (context) => {
      const code = await obtainCode(context)
      const answers = await Promise.all(Array.from({ length: 10 }, () => redeem(context, code)))
      const winners = answers.filter(({ status }) => status === 200).length
      return judge(winners <= 1, `${winners} got tokens`)
    },
  ),
  should(
    '4.1.2 reuse-revokes',
    'A code that is used again takes back the tokens that it gave',
    ['code'],
    async (context) => {
      const code = await obtainCode(context)
      const token = tokenIn(await redeem(context, code))
      await redeem(context, code)
      const isStillGood = await isLive(context, token)
      return judge(!isStillGood, isStillGood ? 'the first token is still good' : 'the first token is dead')
    },
  ),
  must('4.1.3 redirect-uri', 'A redirect_uri other than that of the request is refused', ['code'], async (context) => {
    const answer = await redeem(context, await obtainCode(context), {
      redirect_uri: 'https://attacker.example/callback',
    })
    return refused(answer, 'invalid_grant', 'invalid_request')
  }),
  must('4.1.3 client', 'A code of another client is refused', ['other_public_client'], async (context) => {
    const { client_id } = context.the('other_public_client')
    return refused(await redeem(context, await obtainCode(context), { client_id }), 'invalid_grant')
  }),
  must(
    '4.1.3 confidential-client',
    'A code of another client is refused to one that authenticates as well',
    ['code', 'client_credentials'],
    async (context) => {
      const { code, verifier, redirectUri } = await obtainCode(context)
      const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
      const answer = await requestToken(context, form, bySecret(context.the('client')))
      return refused(answer, 'invalid_grant', 'unauthorized_client', 'invalid_request')
    },
  ),
  must('5.2 unknown-code', 'An unknown code is invalid_grant', ['code'], async (context) => {
    const answer = await redeem(context, { ...(await obtainCode(context)), code: 'conformance-no-such-code' })
    return refused(answer, 'invalid_grant')
  }),
  must('4.1.3 missing-code', 'A request without code is an invalid_request', ['code'], async (context) =>
    refused(await redeem(context, await obtainCode(context), { code: undefined }), 'invalid_request'),
  ),
]
