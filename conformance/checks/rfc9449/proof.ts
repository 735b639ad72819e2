import { generateSecret } from 'jose'
import { requestOwnWithProof } from '../../acting/bound-tokens.ts'
import { createProver, type Prover } from '../../acting/dpop.ts'
import { type Claims, seconds, sign, unsecured, withWrongSignature } from '../../acting/jwt.ts'
import { requirementsOf } from '../../check.ts'
import type { Context } from '../../context.ts'
import { all, describe, granted, judge, NotOffered, refused } from '../../judge.ts'

const { must, should, may } = requirementsOf('RFC 9449')

const NEEDS = ['dpop', 'client_credentials'] as const

type Forge = (prover: Prover, claims: Claims) => Promise<string>

/** RFC 9449 §5: a proof that fails a check of §4.3 is invalid_dpop_proof. */
const refusedProof = (forge: Forge) => async (context: Context) => {
  const prover = await createProver(context)
  return refused(await requestOwnWithProof(context, (claims) => forge(prover, claims)), 'invalid_dpop_proof')
}

const changed =
  (change: () => Claims, header?: Claims): Forge =>
  (prover, claims) =>
    prover.prove({ ...claims, ...change() }, header)

/** Beyond what any clock may be off. */
const LONG = 3600

export const proofChecks = [
  must(
    '4.3(1) one-header',
    'Two proofs in a request are refused',
    NEEDS,
    refusedProof(async ({ prove }, claims) => `${await prove(claims)}, ${await prove(claims)}`),
  ),
  must(
    '4.3(2) jwt',
    'What is no JWT is no proof',
    NEEDS,
    refusedProof(async () => 'not.a.proof'),
  ),
  must('4.3(3) jti', 'A proof without jti is refused', NEEDS, refusedProof(changed(() => ({ jti: undefined })))),
  must('4.3(3) htm', 'A proof without htm is refused', NEEDS, refusedProof(changed(() => ({ htm: undefined })))),
  must('4.3(3) htu', 'A proof without htu is refused', NEEDS, refusedProof(changed(() => ({ htu: undefined })))),
  must('4.3(3) iat', 'A proof without iat is refused', NEEDS, refusedProof(changed(() => ({ iat: undefined })))),
  must(
    '4.3(3) jwk',
    'A proof without its key is refused',
    NEEDS,
    refusedProof(changed(() => ({}), { jwk: undefined })),
  ),
  must(
    '4.3(4) typ',
    'A proof whose typ is not dpop+jwt is refused',
    NEEDS,
    refusedProof(changed(() => ({}), { typ: 'JWT' })),
  ),
  must(
    '4.3(5) none',
    'A proof that nobody signed is refused',
    NEEDS,
    refusedProof(async ({ publicJwk }, claims) =>
      unsecured({ jti: crypto.randomUUID(), iat: seconds(), ...claims }, { typ: 'dpop+jwt', jwk: publicJwk }),
    ),
  ),
  must(
    '4.3(5) symmetric',
    'A proof by a shared secret is refused',
    NEEDS,
    refusedProof(async ({ publicJwk }, claims) => {
      const header = { alg: 'HS256', typ: 'dpop+jwt', jwk: publicJwk }
      return sign(
        { jti: crypto.randomUUID(), iat: seconds(), ...claims },
        header,
        await generateSecret('HS256', { extractable: true }),
      )
    }),
  ),
  must(
    '4.3(6) signature',
    'A proof whose signature is wrong is refused',
    NEEDS,
    refusedProof(async ({ prove }, claims) => withWrongSignature(await prove(claims))),
  ),
  must(
    '4.3(7) private-key',
    'A proof that holds the private key is refused',
    NEEDS,
    refusedProof(async ({ prove, privateJwk }, claims) => prove(claims, { jwk: privateJwk })),
  ),
  must(
    '4.3(8) other-method',
    'A proof for another method is refused',
    NEEDS,
    refusedProof(changed(() => ({ htm: 'GET' }))),
  ),
  must(
    '4.3(9) other-url',
    'A proof for another URL is refused',
    NEEDS,
    refusedProof(changed(() => ({ htu: 'https://other.example/token' }))),
  ),
  should(
    '4.3(9) normalized',
    'The URL is compared after normalization: a host in capitals is the same',
    NEEDS,
    async (context) => {
      const { prove } = await createProver(context)
      const inCapitals = (url: string) => url.replace(/^\w+:\/\/[^/]+/, (origin) => origin.toUpperCase())
      return granted(
        await requestOwnWithProof(context, (claims) => prove({ ...claims, htu: inCapitals(String(claims.htu)) })),
      )
    },
  ),
  must('4.3(11) old', 'A proof from long ago is refused', NEEDS, async (context) => {
    const { prove } = await createProver(context)
    const answer = await requestOwnWithProof(context, (claims) =>
      prove({ ...claims, nonce: undefined, iat: seconds() - LONG }),
    )
    return refused(answer, 'invalid_dpop_proof', 'use_dpop_nonce')
  }),
  must('4.3(11) future', 'A proof from far in the future is refused', NEEDS, async (context) => {
    const { prove } = await createProver(context)
    const answer = await requestOwnWithProof(context, (claims) =>
      prove({ ...claims, nonce: undefined, iat: seconds() + LONG }),
    )
    return refused(answer, 'invalid_dpop_proof', 'use_dpop_nonce')
  }),
  may('11.1 replay', 'A proof is good once', NEEDS, async (context) => {
    const { prove } = await createProver(context)
    const jti = crypto.randomUUID()
    let proof: string | undefined
    const first = await requestOwnWithProof(context, async (claims) => (proof = await prove({ ...claims, jti })))
    const second = await requestOwnWithProof(context, async () => String(proof))
    return all(granted(first), refused(second))
  }),
  must('8 bad-nonce', 'A nonce that the server never gave is refused with use_dpop_nonce', NEEDS, async (context) => {
    const { prove } = await createProver(context)
    const withBadNonce = (claims: Claims) => prove({ ...claims, nonce: 'conformance-no-such-nonce' })
    const answer = await requestOwnWithProof(context, withBadNonce)
    if (!answer.headers.has('dpop-nonce')) throw new NotOffered('the server gives no nonces')
    return refused(answer, 'use_dpop_nonce', 'invalid_dpop_proof')
  }),
  should('8 fresh-nonce', 'The nonce that the server gives is accepted', NEEDS, async (context) => {
    const { prove } = await createProver(context)
    const first = await requestOwnWithProof(context, (claims) =>
      prove({ ...claims, nonce: 'conformance-no-such-nonce' }),
    )
    const nonce = first.headers.get('dpop-nonce')
    if (!nonce) throw new NotOffered('the server gives no nonces')
    return granted(await requestOwnWithProof(context, (claims) => prove({ ...claims, nonce })))
  }),
  must(
    '5.1 algs',
    'dpop_signing_alg_values_supported lists asymmetric algorithms only',
    ['dpop'],
    async ({ metadata }) => {
      const algs = metadata.dpop_signing_alg_values_supported
      const isAsymmetric =
        Array.isArray(algs) && algs.every((alg) => typeof alg === 'string' && !/^(none|HS)/.test(alg))
      return judge(isAsymmetric, JSON.stringify(algs))
    },
  ),
  must('5 token-type', 'A token that was asked for with a proof has token_type DPoP', NEEDS, async (context) => {
    const answer = await requestOwnWithProof(context, (await createProver(context)).prove)
    return all(
      granted(answer),
      judge(
        /^dpop$/i.test(String(answer.body.token_type)),
        `${describe(answer)}, token_type ${String(answer.body.token_type)}`,
      ),
    )
  }),
]
