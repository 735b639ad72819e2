import {
  authorizationRequest,
  type Code,
  codeIn,
  delegatedIn,
  obtainCode,
  redeem,
  refresh,
  visit,
} from '../../acting/authorization.ts'
import { mintBound, requestWithProof } from '../../acting/bound-tokens.ts'
import { byName } from '../../acting/client.ts'
import { createProver, type Prover, sendProven } from '../../acting/dpop.ts'
import type { Form } from '../../acting/http.ts'
import { introspect } from '../../acting/tokens.ts'
import { requirementsOf } from '../../check.ts'
import type { Context } from '../../context.ts'
import { all, Blocked, describe, granted, judge, NotOffered, refused } from '../../judge.ts'

const { must } = requirementsOf('RFC 9449')

const CODE = ['dpop', 'code'] as const

const ofPublicClient = (context: Context, prover: Prover, form: Form) =>
  requestWithProof(context, form, byName(context.the('public_client')), prover.prove)

const redeemBound = (context: Context, { code, verifier, redirectUri }: Code, prover: Prover) =>
  ofPublicClient(context, prover, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  })

async function boundRefreshToken(context: Context, prover: Prover): Promise<string> {
  const { refreshToken } = delegatedIn(await redeemBound(context, await obtainCode(context), prover))
  if (!refreshToken) throw new NotOffered('the public client gets no refresh token')
  return refreshToken
}

const refreshBound = (context: Context, prover: Prover, refresh_token: string) =>
  ofPublicClient(context, prover, { grant_type: 'refresh_token', refresh_token })

/** A code whose request named this key in the header of the pushed request. */
async function codeOfPushedProof(context: Context, prover: Prover): Promise<Code> {
  const { form, verifier } = authorizationRequest(context)
  const request = { url: context.url('pushed_authorization_request_endpoint'), form }
  const answer = await sendProven(context, request, prover.prove)
  const { request_uri } = answer.body
  if (typeof request_uri !== 'string') throw new Blocked(`no request_uri: ${describe(answer)}`)
  const landing = await visit(context, { client_id: form.client_id, request_uri })
  return codeIn(landing, verifier, String(form.redirect_uri))
}

export const boundTokenChecks = [
  must(
    '6.2 cnf',
    'Introspection of a bound token says cnf.jkt, the thumbprint of its key',
    ['dpop', 'client_credentials', 'introspection'],
    async (context) => {
      const prover = await createProver(context)
      const { body } = await introspect(context, await mintBound(context, prover))
      const jkt = (body.cnf as { jkt?: unknown } | undefined)?.jkt
      return judge(jkt === prover.jkt, jkt === prover.jkt ? 'the thumbprint' : `jkt ${String(jkt)}`)
    },
  ),
  must(
    '6.2 token-type',
    'Introspection of a bound token says token_type DPoP, if it says any',
    ['dpop', 'client_credentials', 'introspection'],
    async (context) => {
      const { body } = await introspect(context, await mintBound(context, await createProver(context)))
      return judge(
        body.active === true && /^(dpop|undefined)$/i.test(String(body.token_type)),
        `token_type ${String(body.token_type)}`,
      )
    },
  ),
  must('5 code', 'A code is redeemed with a proof for a bound token', CODE, async (context) => {
    const answer = await redeemBound(context, await obtainCode(context), await createProver(context))
    return all(
      granted(answer),
      judge(/^dpop$/i.test(String(answer.body.token_type)), `token_type ${String(answer.body.token_type)}`),
    )
  }),
  must('5 refresh', 'A bound refresh token is used with a proof by the same key', CODE, async (context) => {
    const prover = await createProver(context)
    return granted(await refreshBound(context, prover, await boundRefreshToken(context, prover)))
  }),
  must('5 refresh-other-key', "A public client's refresh token is refused with another key", CODE, async (context) => {
    const token = await boundRefreshToken(context, await createProver(context))
    return refused(await refreshBound(context, await createProver(context), token))
  }),
  must(
    '5 refresh-no-proof',
    "A public client's bound refresh token is refused without a proof",
    CODE,
    async (context) => refused(await refresh(context, await boundRefreshToken(context, await createProver(context)))),
  ),
  must('10 dpop-jkt', 'A code for a key is redeemed with a proof by it', CODE, async (context) => {
    const prover = await createProver(context)
    return granted(await redeemBound(context, await obtainCode(context, { dpop_jkt: prover.jkt }), prover))
  }),
  must('10 dpop-jkt-other-key', 'A code for a key is refused with another key', CODE, async (context) => {
    const code = await obtainCode(context, { dpop_jkt: (await createProver(context)).jkt })
    return refused(await redeemBound(context, code, await createProver(context)))
  }),
  must('10 dpop-jkt-no-proof', 'A code for a key is refused without a proof', CODE, async (context) => {
    const code = await obtainCode(context, { dpop_jkt: (await createProver(context)).jkt })
    return refused(await redeem(context, code))
  }),
  must(
    '10.1 pushed-proof',
    'A proof with a pushed request binds the code as dpop_jkt does',
    [...CODE, 'pushed_request'],
    async (context) => {
      const code = await codeOfPushedProof(context, await createProver(context))
      return refused(await redeemBound(context, code, await createProver(context)))
    },
  ),
  must(
    '10.1 pushed-disagreement',
    'A proof by another key than dpop_jkt is refused with the pushed request',
    [...CODE, 'pushed_request'],
    async (context) => {
      const { form } = authorizationRequest(context, { dpop_jkt: (await createProver(context)).jkt })
      const request = { url: context.url('pushed_authorization_request_endpoint'), form }
      return refused(await sendProven(context, request, (await createProver(context)).prove))
    },
  ),
]
