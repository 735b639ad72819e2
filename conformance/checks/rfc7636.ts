import { authorize, challengeOf, obtainCode, randomText, redeem } from '../acting/authorization.ts'
import { requirementsOf } from '../check.ts'
import { granted, judge, refused } from '../judge.ts'
import { turnedDown } from './rfc6749/authorization-endpoint.ts'
import { listIn } from './rfc8414.ts'

const { must, should } = requirementsOf('RFC 7636')

export const rfc7636 = [
  must('4.2 s256', 'S256 is supported: the right verifier gets the token', ['code'], async (context) =>
    granted(await redeem(context, await obtainCode(context))),
  ),
  must('4.6 wrong-verifier', 'A wrong code_verifier is invalid_grant', ['code'], async (context) =>
    refused(await redeem(context, await obtainCode(context), { code_verifier: randomText() }), 'invalid_grant'),
  ),
  must('4.6 missing-verifier', 'A missing code_verifier is refused', ['code'], async (context) =>
    refused(
      await redeem(context, await obtainCode(context), { code_verifier: undefined }),
      'invalid_grant',
      'invalid_request',
    ),
  ),
  must('4.6 challenge-is-no-verifier', 'The challenge itself is no verifier', ['code'], async (context) => {
    const code = await obtainCode(context)
    return refused(await redeem(context, code, { code_verifier: challengeOf(code.verifier) }), 'invalid_grant')
  }),
  must('4.4.1 unknown-method', 'An unknown code_challenge_method is an invalid_request', ['code'], async (context) =>
    turnedDown(await authorize(context, { code_challenge_method: 'S1024' }), 'invalid_request'),
  ),
  must('4.2 challenge-syntax', 'A challenge that no verifier could have is refused', ['code'], async (context) =>
    turnedDown(await authorize(context, { code_challenge: 'short' })),
  ),
  should('4.2 metadata', 'code_challenge_methods_supported has S256 (RFC 8414 §2)', ['code'], async ({ metadata }) => {
    const methods = listIn(metadata.code_challenge_methods_supported)
    return judge(methods.includes('S256'), methods.join(' ') || 'none')
  }),
]
