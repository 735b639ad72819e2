import { bySecret } from '../../acting/client.ts'
import { type Answer, encode } from '../../acting/http.ts'
import { mint, requestOwnToken, requestToken } from '../../acting/tokens.ts'
import { requirementsOf } from '../../check.ts'
import { all, describe, failed, granted, judge, passed, refused } from '../../judge.ts'

const { must, should } = requirementsOf('RFC 6749')

const scopesIn = ({ body }: Answer): string[] => (typeof body.scope === 'string' ? body.scope.split(' ') : [])

/** RFC 6749 §5.2: what error and error_description are written in. */
const ERROR_TEXT = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/

const header = (answer: Answer, name: string, wanted: RegExp) =>
  judge(wanted.test(answer.headers.get(name) ?? ''), `${name}: ${answer.headers.get(name) ?? 'none'}`)

export const tokenEndpoint = [
  must(
    '4.4.2 client-credentials',
    'A confidential client gets a token for itself',
    ['client_credentials'],
    async (context) => granted(await requestOwnToken(context)),
  ),
  must('5.1 token-type', 'The answer has a token_type', ['client_credentials'], async (context) => {
    const { token_type } = (await requestOwnToken(context)).body
    return judge(typeof token_type === 'string', String(token_type))
  }),
  must('5.1 json', 'The answer is application/json', ['client_credentials'], async (context) =>
    header(await requestOwnToken(context), 'content-type', /^application\/json\b/i),
  ),
  must('5.1 no-store', 'An answer with tokens has Cache-Control: no-store', ['client_credentials'], async (context) =>
    header(await requestOwnToken(context), 'cache-control', /\bno-store\b/i),
  ),
  must(
    '5.1 pragma',
    'An answer with tokens has Pragma: no-cache (left out in OAuth 2.1)',
    ['client_credentials'],
    async (context) => header(await requestOwnToken(context), 'pragma', /\bno-cache\b/i),
  ),
  should(
    '5.1 expires-in',
    'expires_in says how long the token is good, as a number',
    ['client_credentials'],
    async (context) => {
      const { expires_in } = (await requestOwnToken(context)).body
      return judge(typeof expires_in === 'number' && expires_in > 0, JSON.stringify(expires_in) ?? 'none')
    },
  ),
  should(
    '4.4.3 no-refresh-token',
    'client_credentials gives no refresh token',
    ['client_credentials'],
    async (context) => {
      const answer = await requestOwnToken(context)
      return all(granted(answer), judge(answer.body.refresh_token === undefined, Object.keys(answer.body).join(', ')))
    },
  ),
  must(
    '10.10 entropy',
    'Tokens cannot be guessed: long, and never the same',
    ['client_credentials'],
    async (context) => {
      const tokens = [await mint(context), await mint(context)]
      // 128 bits in base64url.
      return judge(
        new Set(tokens).size === 2 && tokens.every(({ length }) => length >= 22),
        `${tokens[0]?.length} characters`,
      )
    },
  ),
  must('3.2 post-only', 'A GET gives no token', ['client_credentials'], async (context) => {
    const query = encode({ grant_type: 'client_credentials' })
    const { headers } = bySecret(context.the('client'))
    const answer = await context.send({ url: `${context.url('token_endpoint')}?${query}`, headers })
    return judge(
      answer.body.access_token === undefined && answer.status >= 400 && answer.status < 500,
      describe(answer),
    )
  }),
  must(
    '3.2 empty-is-omitted',
    'A parameter without a value is as if left out',
    ['client_credentials'],
    async (context) => granted(await requestOwnToken(context, { scope: '' })),
  ),
  must('3.2 unknown-is-ignored', 'An unknown parameter is ignored', ['client_credentials'], async (context) =>
    granted(await requestOwnToken(context, { conformance_unknown: 'yes' })),
  ),
  must(
    '3.2 once-only',
    'A parameter that is sent twice is an invalid_request',
    ['client_credentials'],
    async (context) => {
      const grant_type = ['client_credentials', 'client_credentials']
      return refused(await requestToken(context, { grant_type }, bySecret(context.the('client'))), 'invalid_request')
    },
  ),
  must(
    '3.3 default-scope',
    'Without scope there is a default one, or invalid_scope',
    ['client_credentials'],
    async (context) => {
      const answer = await requestOwnToken(context)
      return answer.status === 200 ? passed('a token') : refused(answer, 'invalid_scope')
    },
  ),
  must(
    '3.3 narrower-scope',
    'A token has the scope that was asked for, or the answer says which',
    ['two_scopes'],
    async (context) => {
      const [scope = ''] = context.the('client').scope
      const answer = await requestOwnToken(context, { scope })
      const { scope: said = scope } = answer.body
      return all(granted(answer), judge(said === scope, `asked for ${scope}, got ${String(said)}`))
    },
  ),
  must(
    '3.3 unknown-scope',
    'An unknown scope is invalid_scope, or the answer says that it is missing',
    ['client_credentials'],
    async (context) => {
      const answer = await requestOwnToken(context, { scope: 'conformance:unknown' })
      if (answer.status !== 200) return refused(answer, 'invalid_scope')
      const got = scopesIn(answer)
      return judge(
        answer.body.scope !== undefined && !got.includes('conformance:unknown'),
        `got ${got.join(' ') || 'no scope member'}`,
      )
    },
  ),
  must(
    '3.3 scope-syntax',
    'A scope with characters that are not allowed is refused',
    ['client_credentials'],
    async (context) => {
      const answer = await requestOwnToken(context, { scope: 'a"b' })
      if (answer.status !== 200) return refused(answer, 'invalid_scope', 'invalid_request')
      return judge(!scopesIn(answer).includes('a"b'), describe(answer))
    },
  ),
  must(
    '5.2 unsupported-grant-type',
    'An unknown grant type is unsupported_grant_type',
    ['client_credentials'],
    async (context) =>
      refused(
        await requestToken(context, { grant_type: 'urn:example:unknown' }, bySecret(context.the('client'))),
        'unsupported_grant_type',
      ),
  ),
  must(
    '5.2 missing-grant-type',
    'A request without grant_type is an invalid_request',
    ['client_credentials'],
    async (context) =>
      refused(await requestToken(context, { scope: '' }, bySecret(context.the('client'))), 'invalid_request'),
  ),
  must('5.2 status', 'An error is answered with 400', ['client_credentials'], async (context) => {
    const answer = await requestToken(context, { grant_type: 'urn:example:unknown' }, bySecret(context.the('client')))
    return judge(answer.status === 400, describe(answer))
  }),
  must(
    '5.2 error-text',
    'error and error_description are plain printable ASCII without quotes and backslashes',
    ['client_credentials'],
    async (context) => {
      const answer = await requestToken(context, { grant_type: '"\\ü' }, bySecret(context.the('client')))
      const { error, error_description = '' } = answer.body
      if (typeof error !== 'string') return failed(describe(answer))
      return judge(ERROR_TEXT.test(error) && ERROR_TEXT.test(String(error_description)), describe(answer))
    },
  ),
  must(
    '3.2 form-encoded',
    'A body that is not form-encoded gives no token, and breaks nothing',
    ['client_credentials'],
    async (context) => {
      const headers = { 'content-type': 'text/plain' }
      const answer = await requestToken(
        context,
        { grant_type: 'client_credentials' },
        bySecret(context.the('client')),
        headers,
      )
      return judge(answer.status >= 400 && answer.status < 500, describe(answer))
    },
  ),
]
