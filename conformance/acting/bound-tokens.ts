import type { Context } from '../context.ts'
import { bySecret, type Credentials } from './client.ts'
import { hashOf, type MakeProof, type Prover, sendProven } from './dpop.ts'
import type { Answer, Form } from './http.ts'
import { resourceForm, tokenIn } from './tokens.ts'

/** A token request of this client with a proof. RFC 9449 §5. */
export const requestWithProof = (
  context: Context,
  form: Form,
  { headers, form: own }: Credentials,
  makeProof: MakeProof,
): Promise<Answer> =>
  sendProven(context, { url: context.url('token_endpoint'), form: { ...own, ...form }, headers }, makeProof)

/** client_credentials of `client` with a proof. */
export const requestOwnWithProof = (context: Context, makeProof: MakeProof, form: Form = {}): Promise<Answer> =>
  requestWithProof(context, { grant_type: 'client_credentials', ...form }, bySecret(context.the('client')), makeProof)

export const mintBound = async (context: Context, { prove }: Prover, form: Form = {}): Promise<string> =>
  tokenIn(await requestOwnWithProof(context, prove, form))

/** A bound token that the protected resource takes. */
export const mintBoundForResource = (context: Context, prover: Prover): Promise<string> =>
  mintBound(context, prover, resourceForm(context))

/** RFC 9449 §7.1, with whatever proof is made of the claims that it should have. */
export function callWithProof(context: Context, token: string, makeProof: MakeProof): Promise<Answer> {
  const { url } = context.the('protected_resource')
  const request = { url, headers: { authorization: `DPoP ${token}` } }
  return sendProven(context, request, (claims) => makeProof({ ...claims, ath: hashOf(token) }))
}
