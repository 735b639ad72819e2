import type { Authenticated, Authenticator } from '../../credentials/authenticator.ts'
import type { RequestContext } from '../../http/context.ts'
import { type Form, readForm, TOKEN_LOOKUP_LIMIT } from '../../http/form.ts'
import type { Mode } from '../../mode/mode.ts'
import { presentedSecret, refusalError, unauthenticated } from '../client-authentication.ts'
import { fail, type Result, succeed } from '../oauth-error.ts'

/** An authenticated client's form about a token: what introspection and revocation have in common. */
export interface ClientRequest<T> {
  readonly caller: Authenticated
  readonly token: string
  readonly value: T
}

/** @param alongside runs while the client is checked; see {@link Authenticator.authenticate}. */
export async function readClientRequest<T>(
  ctx: RequestContext,
  { mode, authenticator }: { mode: Mode; authenticator: Pick<Authenticator, 'authenticate'> },
  alongside: (token: string) => Promise<T>,
): Promise<Result<ClientRequest<T>>> {
  const form = await readForm(ctx, TOKEN_LOOKUP_LIMIT)
  if (!form.ok) return form
  const presented = presentedSecret(ctx.headers.authorization, form.value.params)
  if (!presented.ok) return presented
  if (!presented.value) return unauthenticated(true)
  const { credential, challenge } = presented.value
  const token = tokenOf(form.value.params)
  const result = await authenticator.authenticate(credential, ctx.ip, async () => token.ok && alongside(token.value))
  if (!result.ok) {
    ctx.state.refusal = result.refusal.reason
    return { ok: false, error: refusalError(result.refusal, mode, challenge) }
  }
  const caller = result.authenticated
  ctx.state.client = caller.client.clientId
  ctx.state.tenant = caller.tenant.id
  return token.ok ? succeed({ caller, token: token.value, value: result.value as T }) : token
}

/** RFC 7662 §2.1, RFC 7009 §2.1: REQUIRED in both. */
const tokenOf = ({ token }: Form): Result<string> =>
  token === undefined ? fail('invalid_request', 'token is missing') : succeed(token)
