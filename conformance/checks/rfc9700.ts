import {
  authorizationRequest,
  authorizationUrl,
  authorize,
  delegatedIn,
  describeLanding,
  obtainTokens,
  redeem,
  refresh,
  visit,
} from '../acting/authorization.ts'
import { bySecret } from '../acting/client.ts'
import type { Answer } from '../acting/http.ts'
import { requestToken } from '../acting/tokens.ts'
import { requirementsOf } from '../check.ts'
import type { Context } from '../context.ts'
import { isDocument } from '../discovery.ts'
import { all, describe, granted, judge, NotOffered, passed, refused } from '../judge.ts'
import { stayed, turnedDown } from './rfc6749/authorization-endpoint.ts'
import { refreshTokenOf } from './rfc6749/refresh.ts'
import { listIn } from './rfc8414.ts'

const { must, should } = requirementsOf('RFC 9700')

/** What looks like the registered redirect URI, and isn't. */
const LOOKALIKES: readonly [name: string, what: string, alter: (uri: string) => string][] = [
  ['longer-path', 'with a longer path', (uri) => `${uri}/more`],
  ['added-query', 'with a query', (uri) => `${uri}?more=1`],
  ['other-case', 'in another case', (uri) => uri.replace(/[a-z]+$/, (last) => last.toUpperCase())],
  ['dot-segment', 'with dot segments', (uri) => uri.replace(/\/([^/]*)$/, '/other/../$1')],
  ['subdomain', 'at a host that begins the same', (uri) => uri.replace(/^(\w+:\/\/[^/:]+)/, '$1.attacker.example')],
  ['userinfo', 'with the host as user name', (uri) => uri.replace(/^(\w+:\/\/)([^/]+)/, '$1$2@attacker.example')],
]

const exactRedirects = LOOKALIKES.map(([name, what, alter]) =>
  must(
    `2.1 ${name}`,
    `Redirect URIs are compared to the letter: nobody is sent to one ${what}`,
    ['code'],
    async (context) =>
      stayed(await authorize(context, { redirect_uri: alter(context.the('public_client').redirect_uri) })),
  ),
)

async function pagesOf(context: Context): Promise<Answer[]> {
  const { steps } = await visit(context, authorizationRequest(context).form, context.browser.fresh())
  return steps
    .map(({ answer }) => answer)
    .filter(({ status, headers }) => status === 200 && /html/.test(headers.get('content-type') ?? ''))
}

const isFramed = ({ headers }: Answer): boolean =>
  !/frame-ancestors\s+('none'|'self')/.test(headers.get('content-security-policy') ?? '') &&
  !/^(deny|sameorigin)$/i.test(headers.get('x-frame-options') ?? '')

const codeGrant = [
  must('2.1.1 pkce', 'A public client gets no code without a code_challenge', ['code'], async (context) =>
    turnedDown(await authorize(context, { code_challenge: undefined, code_challenge_method: undefined })),
  ),
  should('2.1.1 no-plain', 'code_challenge_method plain is refused, named or by default', ['code'], async (context) => {
    const { verifier } = authorizationRequest(context)
    const named = await authorize(context, { code_challenge: verifier, code_challenge_method: 'plain' })
    const byDefault = await authorize(context, { code_challenge: verifier, code_challenge_method: undefined })
    return all(turnedDown(named), turnedDown(byDefault))
  }),
  must(
    '4.8.2 downgrade',
    'A code without a code_challenge is not redeemed with a code_verifier',
    ['code'],
    async (context) => {
      const { form, verifier } = authorizationRequest(context, {
        code_challenge: undefined,
        code_challenge_method: undefined,
      })
      const landing = await visit(context, form)
      const code = landing.response?.get('code')
      if (!code) return passed(`no code without code_challenge: ${describeLanding(landing)}`)
      return refused(await redeem(context, { code, verifier, redirectUri: String(form.redirect_uri) }))
    },
  ),
  should('2.1.2 no-implicit', 'No token comes from the authorization endpoint', ['code'], async (context) => {
    const landing = await authorize(context, { response_type: 'token' })
    const isRefused = !landing.response?.has('access_token')
    return judge(
      isRefused && !listIn(context.metadata.response_types_supported).includes('token'),
      describeLanding(landing),
    )
  }),
  must(
    '2.4 no-password-grant',
    'The resource owner password grant is not offered',
    ['client_credentials'],
    async (context) => {
      const form = { grant_type: 'password', username: 'conformance', password: 'conformance' }
      return refused(
        await requestToken(context, form, bySecret(context.the('client'))),
        'unsupported_grant_type',
        'unauthorized_client',
      )
    },
  ),
  must(
    '4.12 no-307',
    'After a form nobody is redirected with 307 or 308, which would send the form on',
    ['code'],
    async (context) => {
      const { steps } = await visit(context, authorizationRequest(context).form, context.browser.fresh())
      const posted = steps.filter(({ method }) => method === 'POST').map(({ answer }) => answer.status)
      return judge(
        posted.length > 0 && !posted.some((status) => status === 307 || status === 308),
        `${posted.join(', ')} after forms`,
      )
    },
  ),
  must('4.16 no-framing', 'The pages on the way cannot be framed', ['code'], async (context) => {
    const pages = await pagesOf(context)
    const framed = pages.filter(isFramed)
    return judge(pages.length > 0 && framed.length === 0, `${framed.length} of ${pages.length} pages can be framed`)
  }),
  should('4.2.4 referrer', 'The pages on the way keep their URL to themselves', ['code'], async (context) => {
    const policies = (await pagesOf(context)).map(
      ({ headers, text }) => headers.get('referrer-policy') ?? (/name="referrer"/.test(text) ? 'meta' : 'none'),
    )
    return judge(
      policies.every((policy) => /no-referrer|same-origin|origin|meta/.test(policy)),
      `Referrer-Policy: ${policies.join(', ')}`,
    )
  }),
  must('2.6 no-cors', 'The authorization endpoint does not support CORS', ['code'], async (context) => {
    const url = authorizationUrl(context, authorizationRequest(context).form)
    const { headers } = await context.send({ url, headers: { origin: 'https://attacker.example' } })
    const allowed = headers.get('access-control-allow-origin')
    return judge(allowed === null, `access-control-allow-origin: ${allowed ?? 'none'}`)
  }),
]

const refreshTokens = [
  must(
    '2.2.2 rotated-or-bound',
    "A public client's refresh token is rotated (or bound to a key)",
    ['code'],
    async (context) => {
      const token = await refreshTokenOf(context)
      const { body } = await refresh(context, token)
      const isRotated = typeof body.refresh_token === 'string' && body.refresh_token !== token
      return judge(isRotated, isRotated ? 'a new one' : 'the same one, not bound')
    },
  ),
  must('4.14.2 reuse', 'A refresh token that was rotated is refused', ['code'], async (context) => {
    const token = await refreshTokenOf(context)
    return all(granted(await refresh(context, token)), refused(await refresh(context, token), 'invalid_grant'))
  }),
  should('4.14.2 family', 'Its use takes back the newest refresh token as well', ['code'], async (context) => {
    const token = await refreshTokenOf(context)
    const { refreshToken: newest } = delegatedIn(await refresh(context, token))
    if (newest === undefined || newest === token) throw new NotOffered('refresh tokens are not rotated')
    await refresh(context, token)
    return refused(await refresh(context, newest), 'invalid_grant')
  }),
  must(
    '4.14.2 race',
    'Of ten uses of one refresh token at once, one gives tokens at most',
    ['code'],
    async (context) => {
      const { refreshToken = '' } = await obtainTokens(context)
      const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(context, refreshToken)))
      const winners = answers.filter(({ status }) => status === 200).length
      return judge(winners <= 1, `${winners} gave tokens`)
    },
  ),
]

const recommended = [
  should('2.5 asymmetric', 'Clients may authenticate with keys of their own', ['token'], async ({ metadata }) => {
    const methods = listIn(metadata.token_endpoint_auth_methods_supported)
    const asymmetric = methods.filter((method) =>
      /^(private_key_jwt|tls_client_auth|self_signed_tls_client_auth)$/.test(String(method)),
    )
    return judge(asymmetric.length > 0, methods.join(' ') || 'the default')
  }),
  should('2.6 metadata', 'The server publishes its metadata', [], async ({ discovered: { oauth, openid } }) =>
    judge(isDocument(oauth) || isDocument(openid), describe(oauth)),
  ),
]

export const rfc9700 = [...exactRedirects, ...codeGrant, ...refreshTokens, ...recommended]
