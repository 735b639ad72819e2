import { decodeJwt, decodeProtectedHeader } from 'jose'
import {
  authorizationRequest,
  authorize,
  describeLanding,
  obtainTokens,
  randomText,
  visit,
  visitByPost,
} from '../acting/authorization.ts'
import { verifies } from '../acting/published-keys.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { all, Blocked, describe, judge, passed } from '../judge.ts'
import { challengeIn } from './rfc6750.ts'
import { listIn } from './rfc8414.ts'

const { must, should } = requirementsOf('OpenID Connect Core 1.0')

const NEEDS = ['openid'] as const

async function idTokenOf(context: Context, change = {}) {
  const { answer } = await obtainTokens(context, change)
  const { id_token } = answer.body
  if (typeof id_token !== 'string') throw new Blocked(`no id_token: ${describe(answer)}`)
  return { text: id_token, header: decodeProtectedHeader(id_token), claims: decodeJwt(id_token) }
}

const userinfo = ({ send, url }: Context, authorization?: string) =>
  send({ url: url('userinfo_endpoint'), headers: authorization === undefined ? {} : { authorization } })

export const openidCore = [
  must('2 claims', 'An ID token has iss, sub, aud, exp and iat', NEEDS, async (context) => {
    const { claims } = await idTokenOf(context)
    const missing = ['iss', 'sub', 'aud', 'exp', 'iat'].filter((name) => claims[name] === undefined)
    return judge(missing.length === 0, missing.length ? `without ${missing.join(', ')}` : 'all are there')
  }),
  must(
    '3.1.3.7 verifies',
    'It verifies: issuer, audience, time, and a key of jwks_uri',
    [...NEEDS, 'jwks'],
    async (context) => {
      const { client_id: audience } = context.the('public_client')
      return verifies(context, (await idTokenOf(context)).text, { issuer: context.issuer, audience })
    },
  ),
  must('2 signed', 'It is signed with an algorithm of the metadata', NEEDS, async (context) => {
    const { header } = await idTokenOf(context)
    const algs = listIn(context.metadata.id_token_signing_alg_values_supported)
    return judge(header.alg !== 'none' && algs.includes(header.alg), `alg ${String(header.alg)}`)
  }),
  must('3.1.2.1 nonce', 'It has the nonce of the request', NEEDS, async (context) => {
    const nonce = randomText()
    const { claims } = await idTokenOf(context, { nonce })
    return judge(claims.nonce === nonce, claims.nonce === nonce ? 'the same' : `nonce ${String(claims.nonce)}`)
  }),
  must('2 auth-time', 'With max_age it has auth_time', NEEDS, async (context) => {
    const { claims } = await idTokenOf(context, { max_age: '3600' })
    return judge(Number.isInteger(claims.auth_time), `auth_time ${String(claims.auth_time)}`)
  }),
  must(
    '3.1.2.1 prompt-none',
    'With prompt=none and nobody signed in, the answer is an error at once',
    NEEDS,
    async (context) => {
      const { form } = authorizationRequest(context, { prompt: 'none' })
      const landing = await visit(context, form, context.browser.fresh())
      const error = landing.response?.get('error') ?? ''
      return judge(/^(login|interaction|consent|account_selection)_required$/.test(error), describeLanding(landing))
    },
  ),
  must('3.1.2.1 prompt-none-alone', 'prompt=none with another value is an error', NEEDS, async (context) => {
    const landing = await authorize(context, { prompt: 'none login' })
    return judge(!!landing.response?.get('error') && !landing.response.has('code'), describeLanding(landing))
  }),
  must('3.1.2.1 post', 'A request by POST is as good as one by GET', NEEDS, async (context) => {
    const landing = await visitByPost(context, authorizationRequest(context).form)
    return judge(!!landing.response?.get('code'), describeLanding(landing))
  }),
  must(
    '15.1 parameters',
    'display, ui_locales, claims_locales, acr_values and login_hint may be sent',
    NEEDS,
    async (context) => {
      const landing = await authorize(context, {
        ...{
          display: 'page',
          ui_locales: 'de en',
          claims_locales: 'de',
          acr_values: 'conformance',
          login_hint: 'somebody',
        },
      })
      return judge(!!landing.response?.get('code'), describeLanding(landing))
    },
  ),
  should('3.1.2.1 prompt-login', 'With prompt=login whoever is signed in signs in again', NEEDS, async (context) => {
    const landing = await authorize(context, { prompt: 'login' })
    const forms = landing.steps.filter(({ method }) => method === 'POST').length
    return judge(forms > 0 && !!landing.response?.get('code'), `${describeLanding(landing)} after ${forms} forms`)
  }),
  should('3.1.2.1 unknown-scope', 'A scope that is not understood is ignored', NEEDS, async (context) => {
    const scope = [...context.the('public_client').scope, 'conformance:unknown'].join(' ')
    const landing = await authorize(context, { scope })
    return judge(!!landing.response?.get('code'), describeLanding(landing))
  }),
  must(
    '5.3.1 userinfo-post',
    'Userinfo answers a POST with the token in the header',
    [...NEEDS, 'userinfo'],
    async (context) => {
      const { accessToken } = await obtainTokens(context)
      const headers = { authorization: `Bearer ${accessToken}` }
      const answer = await context.send({ url: context.url('userinfo_endpoint'), method: 'POST', headers })
      return judge(answer.status === 200 && typeof answer.body.sub === 'string', describe(answer))
    },
  ),
  must('5.3.2 userinfo-sub', 'The sub of userinfo is that of the ID token', [...NEEDS, 'userinfo'], async (context) => {
    const { answer, accessToken } = await obtainTokens(context)
    const info = await userinfo(context, `Bearer ${accessToken}`)
    const { sub } = decodeJwt(String(answer.body.id_token))
    return judge(
      info.status === 200 && info.body.sub === sub,
      `${describe(info)}, ${info.body.sub === sub ? 'the same sub' : 'another sub'}`,
    )
  }),
  must(
    '5.3.3 userinfo-error',
    'Userinfo without a good token is 401 with a Bearer challenge',
    [...NEEDS, 'userinfo'],
    async (context) => {
      const answers = [await userinfo(context), await userinfo(context, 'Bearer conformance-no-such-token')]
      return all(
        ...answers.map((answer) =>
          judge(
            answer.status === 401 && /bearer/i.test(challengeIn(answer)),
            `${answer.status}, ${challengeIn(answer)}`,
          ),
        ),
      )
    },
  ),
  must(
    '6.1 request-object',
    'A request object that is not supported is refused by its name',
    NEEDS,
    async (context) => {
      if (context.metadata.request_parameter_supported === true) return passed('request objects are supported')
      const landing = await authorize(context, { request: 'e30.e30.' })
      const error = landing.response?.get('error')
      return judge(error === 'request_not_supported' || error === 'invalid_request_object', describeLanding(landing))
    },
  ),
]
