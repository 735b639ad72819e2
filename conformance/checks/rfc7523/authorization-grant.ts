import { generateKeyPair } from 'jose'
import { type Claims, seconds, sign, unsecured, withWrongSignature } from '../../acting/jwt.ts'
import { grantByJwt, trustedClaims, trustedJwt } from '../../acting/trusted-issuer.ts'
import { requirementsOf } from '../../check.ts'
import type { Context } from '../../context.ts'
import { granted, refused } from '../../judge.ts'

const { must } = requirementsOf('RFC 7523')

const NEEDS = ['jwt_bearer'] as const

const refusedWith = (claims: () => Claims) => async (context: Context) =>
  refused(await grantByJwt(context, await trustedJwt(context, claims())), 'invalid_grant')

export const authorizationGrant = [
  must('2.1 accepted', 'A JWT of a trusted issuer is an authorization grant', NEEDS, async (context) =>
    granted(await grantByJwt(context, await trustedJwt(context))),
  ),
  must('2.1 missing', 'A request without assertion is an invalid_request', NEEDS, async (context) =>
    refused(await grantByJwt(context, undefined), 'invalid_request', 'invalid_grant'),
  ),
  must(
    '3.1 issuer',
    'A JWT of an unknown issuer is invalid_grant',
    NEEDS,
    refusedWith(() => ({ iss: 'https://other.example' })),
  ),
  must(
    '3.1 audience',
    'A JWT for another audience is invalid_grant',
    NEEDS,
    refusedWith(() => ({ aud: 'https://other.example' })),
  ),
  must(
    '3.1 no-audience',
    'A JWT without audience is invalid_grant',
    NEEDS,
    refusedWith(() => ({ aud: undefined })),
  ),
  must(
    '3.1 no-expiry',
    'A JWT without expiry is invalid_grant',
    NEEDS,
    refusedWith(() => ({ exp: undefined })),
  ),
  must(
    '3.1 expired',
    'An expired JWT is invalid_grant',
    NEEDS,
    refusedWith(() => ({ iat: seconds() - 900, exp: seconds() - 600 })),
  ),
  must(
    '3.1 not-before',
    'A JWT that is not good yet is invalid_grant',
    NEEDS,
    refusedWith(() => ({ nbf: seconds() + 600, exp: seconds() + 900 })),
  ),
  must(
    '3.1 no-subject',
    'A JWT without subject is invalid_grant',
    NEEDS,
    refusedWith(() => ({ sub: undefined })),
  ),
  must('3.1 signature', 'A JWT whose signature is wrong is invalid_grant', NEEDS, async (context) =>
    refused(await grantByJwt(context, withWrongSignature(await trustedJwt(context))), 'invalid_grant'),
  ),
  must('3.1 key', 'A JWT by another key is invalid_grant', NEEDS, async (context) => {
    const { alg, kid, private_jwk } = context.the('trusted_issuer')
    const { privateKey } = await generateKeyPair(alg)
    const forged = await sign(trustedClaims(context), { alg, kid: kid ?? private_jwk.kid, typ: 'JWT' }, privateKey)
    return refused(await grantByJwt(context, forged), 'invalid_grant')
  }),
  must('3.1 none', 'A JWT that nobody signed is invalid_grant', NEEDS, async (context) =>
    refused(await grantByJwt(context, unsecured(trustedClaims(context), { typ: 'JWT' })), 'invalid_grant'),
  ),
]
