import { authorize, describeLanding } from '../acting/authorization.ts'
import type { Landing } from '../acting/browser.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { judge } from '../judge.ts'

const { must, should } = requirementsOf('RFC 9207')

const namesIssuer = ({ issuer }: Context, landing: Landing) => {
  const iss = landing.response?.get('iss')
  return judge(iss === issuer, `${describeLanding(landing)}, iss ${iss ?? 'missing'}`)
}

export const rfc9207 = [
  should(
    '3 metadata',
    'authorization_response_iss_parameter_supported is true (RFC 9700 §2.1)',
    ['code'],
    async ({ metadata }) =>
      judge(
        metadata.authorization_response_iss_parameter_supported === true,
        String(metadata.authorization_response_iss_parameter_supported),
      ),
  ),
  must('2 code', 'The response with the code has iss, to the letter the issuer', ['iss_parameter'], async (context) =>
    namesIssuer(context, await authorize(context)),
  ),
  must('2 error', 'An error response has it too', ['iss_parameter'], async (context) =>
    namesIssuer(context, await authorize(context, { response_type: 'conformance-unknown' })),
  ),
]
