import { callWithProof, mintBoundForResource } from '../../acting/bound-tokens.ts'
import { createProver, hashOf, type MakeProof, type Prover } from '../../acting/dpop.ts'
import { type Claims, seconds, withWrongSignature } from '../../acting/jwt.ts'
import { callResource } from '../../acting/tokens.ts'
import { requirementsOf } from '../../check.ts'
import type { Context } from '../../context.ts'
import { all, judge, NotOffered } from '../../judge.ts'
import { challengeIn, served } from '../rfc6750.ts'

const { must, should, may } = requirementsOf('RFC 9449')

const NEEDS = ['dpop', 'dpop_resource', 'client_credentials'] as const

/** Calls the protected resource with a token of `prover`, and a proof that is made wrong. */
const refusedCall =
  (makeProof: (prover: Prover, context: Context) => Promise<MakeProof> | MakeProof) => async (context: Context) => {
    const prover = await createProver(context)
    const token = await mintBoundForResource(context, prover)
    const answer = await callWithProof(context, token, await makeProof(prover, context))
    return judge(
      answer.status === 401 || answer.status === 400,
      `${answer.status}, ${challengeIn(answer) || 'no challenge'}`,
    )
  }

const changed =
  (change: () => Claims) =>
  ({ prove }: Prover): MakeProof =>
  (claims) =>
    prove({ ...claims, ...change() })

export const resourceChecks = [
  must('7.1 served', 'A bound token with a proof is accepted', NEEDS, async (context) => {
    const prover = await createProver(context)
    return served(await callWithProof(context, await mintBoundForResource(context, prover), prover.prove))
  }),
  must('7.1 no-ath', 'A proof that names no token is refused', NEEDS, refusedCall(changed(() => ({ ath: undefined })))),
  must(
    '7.1 other-ath',
    'A proof that names another token is refused',
    NEEDS,
    refusedCall(changed(() => ({ ath: hashOf('another') }))),
  ),
  must(
    '7.1 other-key',
    'A proof by another key than that of the token is refused',
    NEEDS,
    refusedCall(async (_, context) => (await createProver(context)).prove),
  ),
  must(
    '7.1 other-method',
    'A proof for another method is refused',
    NEEDS,
    refusedCall(changed(() => ({ htm: 'POST' }))),
  ),
  must(
    '7.1 other-url',
    'A proof for another URL is refused',
    NEEDS,
    refusedCall(changed(() => ({ htu: 'https://other.example/' }))),
  ),
  must(
    '7.1 old',
    'A proof from long ago is refused',
    NEEDS,
    refusedCall(changed(() => ({ iat: seconds() - 3600, nonce: undefined }))),
  ),
  must(
    '7.1 signature',
    'A proof whose signature is wrong is refused',
    NEEDS,
    refusedCall(
      ({ prove }) =>
        async (claims) =>
          withWrongSignature(await prove(claims)),
    ),
  ),
  must('7.1 no-proof', 'A bound token without a proof is refused', NEEDS, async (context) => {
    const answer = await callResource(
      context,
      `DPoP ${await mintBoundForResource(context, await createProver(context))}`,
    )
    return judge(answer.status === 401 || answer.status === 400, `${answer.status}, ${challengeIn(answer)}`)
  }),
  must('7.2 as-bearer', 'A bound token as a bearer token is refused', NEEDS, async (context) => {
    const answer = await callResource(
      context,
      `Bearer ${await mintBoundForResource(context, await createProver(context))}`,
    )
    return judge(answer.status === 401, `${answer.status}, ${challengeIn(answer)}`)
  }),
  must('7.1 challenge', 'A refusal has a DPoP challenge', NEEDS, async (context) => {
    const answer = await callResource(context, 'DPoP conformance-no-such-token')
    return judge(
      answer.status === 401 && /\bDPoP\b/i.test(challengeIn(answer)),
      `${answer.status}, ${challengeIn(answer)}`,
    )
  }),
  should('7.1 algs', 'The DPoP challenge lists the algorithms', NEEDS, async (context) => {
    const challenge = challengeIn(await callResource(context, 'DPoP conformance-no-such-token'))
    return judge(/\balgs="[^"]+"/.test(challenge), challenge)
  }),
  may('11.1 replay-at-resource', 'A proof is good once at the resource, too', NEEDS, async (context) => {
    const prover = await createProver(context)
    const token = await mintBoundForResource(context, prover)
    let proof = ''
    const first = await callWithProof(context, token, async (claims) => (proof = await prover.prove(claims)))
    if (first.headers.has('dpop-nonce') && first.status === 401) throw new NotOffered('nonces are required')
    const second = await callWithProof(context, token, async () => proof)
    return all(served(first), judge(second.status === 401, `${second.status}, ${challengeIn(second)}`))
  }),
]
