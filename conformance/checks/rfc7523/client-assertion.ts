import { randomUUID } from 'node:crypto'
import { generateKeyPair } from 'jose'
import { assertionClaims, assertionOf, byAssertion, headerOf } from '../../acting/client.ts'
import { type Claims, seconds, sign, unsecured, withWrongSignature } from '../../acting/jwt.ts'
import { requestToken } from '../../acting/tokens.ts'
import { requirementsOf } from '../../check.ts'
import type { Context } from '../../context.ts'
import { all, granted, refused } from '../../judge.ts'

const { must, may } = requirementsOf('RFC 7523')

const NEEDS = ['private_key_jwt'] as const

const present = (context: Context, assertion: string, form = {}) =>
  requestToken(context, { grant_type: 'client_credentials', ...form }, byAssertion(assertion))

/** An assertion with these claims changed is refused as §3.2 says. */
const refusedWith = (claims: () => Claims) => async (context: Context) =>
  refused(await present(context, await assertionOf(context, context.the('key_client'), claims())), 'invalid_client')

export const clientAssertion = [
  must('2.2 accepted', 'A client authenticates with a JWT by its key', NEEDS, async (context) =>
    granted(await present(context, await assertionOf(context, context.the('key_client')))),
  ),
  must(
    '3(1) iss',
    'An assertion of another issuer is refused',
    NEEDS,
    refusedWith(() => ({ iss: 'conformance-nobody' })),
  ),
  must(
    '3(1) no-iss',
    'An assertion without issuer is refused',
    NEEDS,
    refusedWith(() => ({ iss: undefined })),
  ),
  must(
    '3(2) sub',
    'An assertion for another subject is refused',
    NEEDS,
    refusedWith(() => ({ sub: 'conformance-nobody' })),
  ),
  must(
    '3(3) aud',
    'An assertion for another audience is refused',
    NEEDS,
    refusedWith(() => ({ aud: 'https://other.example' })),
  ),
  must(
    '3(3) no-aud',
    'An assertion without audience is refused',
    NEEDS,
    refusedWith(() => ({ aud: undefined })),
  ),
  must(
    '3(4) no-exp',
    'An assertion without expiry is refused',
    NEEDS,
    refusedWith(() => ({ exp: undefined })),
  ),
  must(
    '3(4) expired',
    'An expired assertion is refused',
    NEEDS,
    refusedWith(() => ({ iat: seconds() - 900, exp: seconds() - 600 })),
  ),
  must(
    '3(5) nbf',
    'An assertion that is not good yet is refused',
    NEEDS,
    refusedWith(() => ({ nbf: seconds() + 600, exp: seconds() + 660 })),
  ),
  must('3(9) signature', 'An assertion whose signature is wrong is refused', NEEDS, async (context) => {
    const assertion = await assertionOf(context, context.the('key_client'))
    return refused(await present(context, withWrongSignature(assertion)), 'invalid_client')
  }),
  must('3(9) key', 'An assertion by another key is refused', NEEDS, async (context) => {
    const client = context.the('key_client')
    const { privateKey } = await generateKeyPair(client.alg)
    const assertion = await sign(assertionClaims(context, client), headerOf(client), privateKey)
    return refused(await present(context, assertion), 'invalid_client')
  }),
  must('3(9) none', 'An assertion that nobody signed is refused', NEEDS, async (context) => {
    const client = context.the('key_client')
    return refused(
      await present(context, unsecured(assertionClaims(context, client), headerOf(client))),
      'invalid_client',
    )
  }),
  must('3(9) symmetric', 'The public key is no secret to sign with (RFC 8725 §3.1)', NEEDS, async (context) => {
    const client = context.the('key_client')
    const { kty, crv, x, y, n, e } = client.private_jwk
    const publicKey = new TextEncoder().encode(JSON.stringify({ kty, crv, x, y, n, e }))
    const assertion = await sign(assertionClaims(context, client), { ...headerOf(client), alg: 'HS256' }, publicKey)
    return refused(await present(context, assertion), 'invalid_client')
  }),
  must('3(8) jwt', 'What is no JWT is refused', NEEDS, async (context) =>
    refused(await present(context, 'not.a.jwt'), 'invalid_client', 'invalid_request'),
  ),
  must(
    '3.2 client-id',
    'A client_id that is not that of the assertion is refused (RFC 7521 §4.2)',
    NEEDS,
    async (context) => {
      const assertion = await assertionOf(context, context.the('key_client'))
      return refused(
        await present(context, assertion, { client_id: 'conformance-nobody' }),
        'invalid_client',
        'invalid_request',
      )
    },
  ),
  may('3(7) replay', 'An assertion is good once', NEEDS, async (context) => {
    const assertion = await assertionOf(context, context.the('key_client'), { jti: randomUUID() })
    return all(granted(await present(context, assertion)), refused(await present(context, assertion), 'invalid_client'))
  }),
]
