import { type ChosenCredential, parseChosenCredential } from '../../credentials/chosen-credential.ts'
import type { FailureLimit } from '../../credentials/failure-limit.ts'
import { type Credential, parseClientSecret, parseCredential } from '../../credentials/format.ts'
import type { Handler, RequestContext } from '../../http/context.ts'
import { type Form, readForm, TOKEN_FORM_LIMIT } from '../../http/form.ts'
import { answerOAuthError, noStore } from '../../http/oauth-answer.ts'
import { peerOf } from '../../http/peer.ts'
import { ApiError } from '../../http/problem.ts'
import type { Mode } from '../../mode/mode.ts'
import type { ReportLeak } from '../leak.ts'
import { fail, type OAuthError, type Result, succeed } from '../oauth-error.ts'

interface Needs {
  mode: Mode
  reportLeak: ReportLeak
  failureLimit: FailureLimit
}

/**
 * `POST /oauth/leaked`: whoever holds a secret credential kills it by presenting it, as `token`, or as `client_id` and
 * `client_secret`. To be asked, it wants no authentication: the credential is all the proof that there is.
 */
export const createLeakedEndpoint =
  ({ mode, reportLeak, failureLimit }: Needs): Handler =>
  async (ctx) => {
    const form = await readForm(ctx, TOKEN_FORM_LIMIT)
    const presented = form.ok ? presentedIn(form.value.params) : form
    if (!presented.ok) return answerOAuthError(ctx, presented.error)
    const credential = presented.value
    if (!credential) return answer(ctx, false, await failureLimit.failed(undefined, ctx.ip))
    if (isOfOtherMode(credential, mode)) throw wrongMode(mode)
    const report = { by: 'possession' as const, peer: peerOf(ctx), requestId: ctx.state.requestId }
    const { outcome, retryAfter } = await reportLeak(credential, report)
    answer(ctx, outcome === 'revoked', retryAfter)
  }

/** Undefined: of no form that we ever issued. */
function presentedIn({ token, client_id, client_secret }: Form): Result<Credential | ChosenCredential | undefined> {
  if (token !== undefined && client_id === undefined && client_secret === undefined) {
    return succeed(parseCredential(token))
  }
  if (token !== undefined || client_id === undefined || client_secret === undefined) {
    return fail('invalid_request', 'send token, or client_id and client_secret')
  }
  return succeed(parseClientSecret(client_id, client_secret) ?? parseChosenCredential(client_id, client_secret))
}

export const isOfOtherMode = (credential: Credential | ChosenCredential, mode: Mode): boolean =>
  'mode' in credential && credential.mode !== mode

/** Its own name says which: nothing is given away. */
function wrongMode(mode: Mode): ApiError {
  const [its, host] = mode === 'live' ? ['test', 'sandbox'] : ['live', 'live']
  return new ApiError('wrong_key_type', { detail: `this is a ${its} credential: report it at the ${host} host` })
}

function answer(ctx: RequestContext, revoked: boolean, retryAfter: number | undefined): void {
  if (retryAfter !== undefined) {
    const error: OAuthError = {
      error: 'rate_limited',
      description: 'too many credentials that are good for nothing',
      retryAfter,
    }
    answerOAuthError(ctx, error)
    return
  }
  noStore(ctx)
  ctx.status = 200
  ctx.body = { revoked }
}
