import { authorizationRequest, codeIn, describeLanding, redeem, visit } from '../acting/authorization.ts'
import { byName, byPost, withWrongSecret } from '../acting/client.ts'
import type { Answer, Form } from '../acting/http.ts'
import { post } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { all, Blocked, describe, granted, judge, refused } from '../judge.ts'
import { turnedDown } from './rfc6749/authorization-endpoint.ts'

const { must, should } = requirementsOf('RFC 9126')

const NEEDS = ['pushed_request'] as const

const push = (context: Context, form: Form): Promise<Answer> =>
  post(context, 'pushed_authorization_request_endpoint', form, byName(context.the('public_client')))

const pushed = (context: Context, change: Form = {}) => push(context, authorizationRequest(context, change).form)

function requestUriIn(answer: Answer): string {
  const { request_uri } = answer.body
  if (typeof request_uri !== 'string') throw new Blocked(`no request_uri: ${describe(answer)}`)
  return request_uri
}

const visitPushed = (context: Context, request_uri: string, client_id = context.the('public_client').client_id) =>
  visit(context, { client_id, request_uri })

export const rfc9126 = [
  must('2.2 created', 'A pushed request is answered with 201, request_uri and expires_in', NEEDS, async (context) => {
    const answer = await pushed(context)
    const { request_uri, expires_in } = answer.body
    const isRight = answer.status === 201 && typeof request_uri === 'string' && Number(expires_in) > 0
    return judge(isRight, `${answer.status}, expires_in ${String(expires_in)}`)
  }),
  must('2.2 unguessable', 'Each request_uri is another one, and long', NEEDS, async (context) => {
    const uris = [requestUriIn(await pushed(context)), requestUriIn(await pushed(context))]
    return judge(new Set(uris).size === 2 && uris.every(({ length }) => length >= 22), `${uris[0]?.length} characters`)
  }),
  must('4 used', 'The request_uri stands for the request, up to the token', NEEDS, async (context) => {
    const { form, verifier } = authorizationRequest(context)
    const landing = await visitPushed(context, requestUriIn(await push(context, form)))
    return granted(await redeem(context, codeIn(landing, verifier, String(form.redirect_uri))))
  }),
  must(
    '2.2 client',
    'A request_uri is good for no other client than the one that pushed it',
    ['pushed_request', 'other_public_client'],
    async (context) => {
      const { client_id } = context.the('other_public_client')
      const landing = await visitPushed(context, requestUriIn(await pushed(context)), client_id)
      return judge(!landing.response?.has('code'), describeLanding(landing))
    },
  ),
  must('4 unknown', 'An unknown request_uri is refused', NEEDS, async (context) =>
    turnedDown(await visitPushed(context, 'urn:ietf:params:oauth:request_uri:conformance')),
  ),
  should('4 once', 'A request_uri is good once', NEEDS, async (context) => {
    const requestUri = requestUriIn(await pushed(context))
    const first = await visitPushed(context, requestUri)
    if (!first.response?.has('code')) throw new Blocked(describeLanding(first))
    const second = await visitPushed(context, requestUri)
    return judge(!second.response?.has('code'), describeLanding(second))
  }),
  must('2.1 request-uri', 'A pushed request with a request_uri is refused', NEEDS, async (context) =>
    refused(await pushed(context, { request_uri: 'urn:ietf:params:oauth:request_uri:conformance' })),
  ),
  must(
    '2.3 redirect-uri',
    'A redirect_uri that is not registered is refused when it is pushed',
    NEEDS,
    async (context) => refused(await pushed(context, { redirect_uri: 'https://attacker.example/callback' })),
  ),
  must('2.3 response-type', 'An unknown response_type is refused when it is pushed', NEEDS, async (context) =>
    refused(await pushed(context, { response_type: 'conformance-unknown' })),
  ),
  must('2.3 error', 'An error is JSON with an error code', NEEDS, async (context) => {
    const answer = await pushed(context, { response_type: undefined })
    return all(refused(answer), judge(typeof answer.body.error === 'string', describe(answer)))
  }),
  must('2.1 unknown-client', 'A request of an unknown client is refused', NEEDS, async (context) => {
    const { form } = authorizationRequest(context, { client_id: 'conformance-nobody' })
    return refused(await post(context, 'pushed_authorization_request_endpoint', form))
  }),
  must(
    '2.1 authentication',
    'A confidential client that fails to authenticate is refused',
    [...NEEDS, 'client_credentials'],
    async (context) => {
      const client = withWrongSecret(context.the('client'))
      const { form } = authorizationRequest(context, { client_id: client.client_id })
      const answer = await post(context, 'pushed_authorization_request_endpoint', form, byPost(client))
      return refused(answer, 'invalid_client')
    },
  ),
  must('2.3 post-only', 'Anything but POST gets 405', NEEDS, async ({ send, url }) => {
    const answer = await send({ url: url('pushed_authorization_request_endpoint') })
    return judge(answer.status === 405, describe(answer))
  }),
]
