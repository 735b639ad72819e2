import { authorize, describeLanding } from '../acting/authorization.ts'
import type { Landing } from '../acting/browser.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { judge, NotOffered } from '../judge.ts'
import { listIn } from './rfc8414.ts'

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
  must('2 form-post', 'A response by form_post has it too', ['iss_parameter'], async (context) => {
    if (!listIn(context.metadata.response_modes_supported).includes('form_post')) throw new NotOffered('no form_post')
    return namesIssuer(context, await authorize(context, { response_mode: 'form_post' }))
  }),
]
