import type { Authenticator } from '../../credentials/authenticator.ts'
import type { Handler } from '../../http/context.ts'
import { answerOAuthError, noStore } from '../../http/oauth-answer.ts'
import type { Mode } from '../../mode/mode.ts'
import type { Introspect } from '../introspection.ts'
import { readClientRequest } from './client-request.ts'

interface Needs {
  mode: Mode
  authenticator: Authenticator
  introspect: Introspect
}

/** `POST /oauth/introspect`, RFC 7662. Caller and token are looked up together: one round trip for both. */
export const createIntrospectionEndpoint =
  ({ introspect, ...needs }: Needs): Handler =>
  async (ctx) => {
    const request = await readClientRequest(ctx, needs, introspect.find)
    if (!request.ok) return answerOAuthError(ctx, request.error)
    noStore(ctx)
    ctx.body = introspect.answer(request.value.caller, request.value.value)
  }
