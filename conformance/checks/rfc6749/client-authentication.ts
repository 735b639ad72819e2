import { basic, byAssertion, byBasic, byName, byPost, bySecret, withWrongSecret } from '../../acting/client.ts'
import { encode } from '../../acting/http.ts'
import { requestToken } from '../../acting/tokens.ts'
import { requirementsOf } from '../../check.ts'
import { all, describe, granted, judge, refused } from '../../judge.ts'

const { must, may } = requirementsOf('RFC 6749')

const GRANT = { grant_type: 'client_credentials' }

const percentEncoded = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')

export const clientAuthentication = [
  must(
    '2.3.1 basic',
    'A client with a password may authenticate by HTTP Basic',
    ['client_secret_basic'],
    async (context) => granted(await requestToken(context, GRANT, byBasic(context.the('client')))),
  ),
  must(
    '2.3.1 basic-encoding',
    'Identifier and password in Basic are form-encoded, and decoded',
    ['client_secret_basic'],
    async (context) => {
      const { client_id, client_secret } = context.the('client')
      const text = `${percentEncoded(client_id)}:${percentEncoded(client_secret)}`
      const authorization = `Basic ${Buffer.from(text).toString('base64')}`
      return granted(await requestToken(context, GRANT, { headers: { authorization }, form: {} }))
    },
  ),
  may('2.3.1 body', 'A client may send its credentials in the body', ['client_secret_post'], async (context) =>
    granted(await requestToken(context, GRANT, byPost(context.the('client')))),
  ),
  must(
    '2.3.1 never-in-the-uri',
    'Credentials in the request URI are not accepted',
    ['client_credentials'],
    async (context) => {
      const { send, url, the } = context
      const { client_id, client_secret } = the('client')
      const target = `${url('token_endpoint')}?${encode({ client_id, client_secret })}`
      return refused(await send({ url: target, form: GRANT }))
    },
  ),
  must(
    '2.3 one-method',
    'More than one authentication method in a request is an invalid_request',
    ['client_secret_basic'],
    async (context) => {
      const { client_id, client_secret } = context.the('client')
      const both = { headers: { authorization: basic(client_id, client_secret) }, form: { client_id, client_secret } }
      return refused(await requestToken(context, GRANT, both), 'invalid_request')
    },
  ),
  must(
    '3.2.1 confidential',
    'A confidential client that only says its name is not authenticated',
    ['client_credentials'],
    async (context) =>
      refused(
        await requestToken(context, GRANT, byName(context.the('client'))),
        'invalid_client',
        'unauthorized_client',
        'invalid_request',
      ),
  ),
  must('5.2 wrong-secret', 'A wrong secret is invalid_client', ['client_credentials'], async (context) =>
    refused(await requestToken(context, GRANT, bySecret(withWrongSecret(context.the('client')))), 'invalid_client'),
  ),
  must(
    '5.2 challenge',
    'A wrong secret by Basic gets 401 with a Basic challenge',
    ['client_secret_basic'],
    async (context) => {
      const answer = await requestToken(context, GRANT, byBasic(withWrongSecret(context.the('client'))))
      const challenge = answer.headers.get('www-authenticate') ?? 'no challenge'
      return all(
        refused(answer, 'invalid_client'),
        judge(answer.status === 401 && /\bbasic\b/i.test(challenge), `${answer.status}, ${challenge}`),
      )
    },
  ),
  must('5.2 unknown-client', 'An unknown client is invalid_client', ['client_credentials'], async (context) => {
    const stranger = {
      client_id: 'conformance-nobody',
      client_secret: 'conformance-nothing',
      methods: context.the('client').methods,
    }
    return refused(await requestToken(context, GRANT, bySecret(stranger)), 'invalid_client')
  }),
  must(
    '5.2 no-client',
    'A request without any client authentication is refused',
    ['client_credentials'],
    async (context) => refused(await requestToken(context, GRANT), 'invalid_client', 'invalid_request'),
  ),
  must(
    '5.2 malformed-basic',
    'A malformed Authorization header is refused',
    ['client_credentials'],
    async (context) => {
      const answer = await requestToken(context, GRANT, { headers: { authorization: 'Basic !!!' }, form: {} })
      return refused(answer, 'invalid_client', 'invalid_request')
    },
  ),
  must(
    '2.3.2 unknown-method',
    'A client assertion of an unknown kind is refused',
    ['client_credentials'],
    async (context) => {
      const { form } = byAssertion('nothing')
      const unknown = { headers: {}, form: { ...form, client_assertion_type: 'urn:example:unknown' } }
      const answer = await requestToken(context, { ...GRANT, client_id: context.the('client').client_id }, unknown)
      return judge(answer.status >= 400 && answer.status < 500, describe(answer))
    },
  ),
]
