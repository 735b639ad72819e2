import { authorizationRequest, authorize, codeIn, describeLanding, redeem, visit } from '../../acting/authorization.ts'
import { createBrowser, type Landing } from '../../acting/browser.ts'
import { requirementsOf } from '../../check.ts'
import { judge } from '../../judge.ts'

const { must } = requirementsOf('RFC 6749')

/** No response went anywhere, and the person was told. */
export const stayed = (landing: Landing) => judge(!landing.response, describeLanding(landing))

/** Turned down without a code, at the client or at a page. */
export const turnedDown = (landing: Landing, ...errors: readonly string[]) => {
  const { response, last } = landing
  const error = response?.get('error')
  const isError = response
    ? !!error && (errors.length === 0 || errors.includes(error))
    : last.status >= 400 && last.status < 500
  return judge(isError && !response?.has('code'), describeLanding(landing))
}

const STATE = 'a b+c&d=ä"/?%41'

export const authorizationEndpoint = [
  must('4.1.2 code', 'Whoever agrees is sent back with a code', ['code'], async (context) => {
    const landing = await authorize(context)
    return judge(!!landing.response?.get('code'), describeLanding(landing))
  }),
  must('4.1.2 state', 'state comes back exactly as it was sent', ['code'], async (context) => {
    const landing = await authorize(context, { state: STATE })
    const state = landing.response?.get('state')
    return judge(
      state === STATE,
      `${describeLanding(landing)}, state ${state === STATE ? 'the same' : JSON.stringify(state)}`,
    )
  }),
  must('4.1.2.1 state', 'state comes back with an error too', ['code'], async (context) => {
    const landing = await authorize(context, { state: STATE, response_type: 'conformance-unknown' })
    return judge(landing.response?.get('state') === STATE, describeLanding(landing))
  }),
  must('4.1.2.1 response-type', 'An unknown response_type is unsupported_response_type', ['code'], async (context) =>
    turnedDown(await authorize(context, { response_type: 'conformance-unknown' }), 'unsupported_response_type'),
  ),
  must('3.1.1 missing-response-type', 'A request without response_type is an error', ['code'], async (context) =>
    turnedDown(await authorize(context, { response_type: undefined }), 'invalid_request', 'unsupported_response_type'),
  ),
  must('4.1.2.1 unknown-client', 'With an unknown client_id nobody is redirected', ['code'], async (context) =>
    stayed(await authorize(context, { client_id: 'conformance-nobody' })),
  ),
  must('4.1.2.1 missing-client', 'Without client_id nobody is redirected', ['code'], async (context) =>
    stayed(await authorize(context, { client_id: undefined })),
  ),
  must('3.1.2.4 unregistered', 'Nobody is redirected to a URI that is not registered', ['code'], async (context) =>
    stayed(await authorize(context, { redirect_uri: 'https://attacker.example/callback' })),
  ),
  must('3.1.2 fragment', 'A redirect URI with a fragment is refused', ['code'], async (context) => {
    const redirect_uri = `${context.the('public_client').redirect_uri}#fragment`
    return stayed(await authorize(context, { redirect_uri }))
  }),
  must('3.1 once-only', 'A parameter that is sent twice is an error', ['code'], async (context) =>
    turnedDown(await authorize(context, { state: ['one', 'two'] })),
  ),
  must(
    '3.1 unknown-is-ignored',
    'Unknown parameters are ignored, and empty ones as if left out',
    ['code'],
    async (context) => {
      const landing = await authorize(context, { conformance_unknown: 'yes', nonce: '' })
      return judge(!!landing.response?.get('code'), describeLanding(landing))
    },
  ),
  must(
    '3.3 unknown-among-scopes',
    'An unknown scope among others is invalid_scope, or the token response says that it is missing',
    ['code'],
    async (context) => {
      const scope = [...context.the('public_client').scope, 'conformance:unknown'].join(' ')
      const { form, verifier } = authorizationRequest(context, { scope })
      const landing = await visit(context, form)
      if (!landing.response?.has('code')) return turnedDown(landing, 'invalid_scope')
      const { body } = await redeem(context, codeIn(landing, verifier, String(form.redirect_uri)))
      const isSaid = typeof body.scope === 'string' && !body.scope.includes('conformance:unknown')
      return judge(isSaid, `got ${String(body.scope)}`)
    },
  ),
  must('3.1 authenticates', 'Nobody gets a code without signing in', ['code'], async (context) => {
    const { form } = authorizationRequest(context)
    const landing = await visit(context, form, createBrowser(context.send, {}))
    return judge(!landing.response?.has('code'), describeLanding(landing))
  }),
]
