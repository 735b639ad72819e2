import type { Endpoint, EndpointContext } from '../../http/context.ts'
import { answerOAuthError, noStore } from '../../http/oauth-answer.ts'
import type { AuthenticateClient } from '../authenticate-client.ts'
import type { Introspect } from '../introspection.ts'
import { INTROSPECTION_JWT, type SignIntrospection } from '../introspection-jwt.ts'
import type { createPlainIntrospection } from '../plain-introspection.ts'
import type { RecognizedClients } from '../recognized-clients.ts'
import { readClientRequest } from './client-request.ts'

interface Needs {
  authenticateClient: AuthenticateClient
  recognized: RecognizedClients
  introspect: Introspect
  plainIntrospection: ReturnType<typeof createPlainIntrospection>
  signIntrospection: SignIntrospection
}

/** `POST /oauth/introspect`, RFC 7662. */
export const createIntrospectionEndpoint =
  ({ authenticateClient, recognized, introspect, plainIntrospection, signIntrospection }: Needs): Endpoint =>
  async (ctx) => {
    const needs = { authenticateClient, recognized, publicClients: false, plainly: plainIntrospection }
    const request = await readClientRequest(ctx, needs, (_caller, token) => introspect.find(token))
    if (!request.ok) return answerOAuthError(ctx, request.error)
    const { caller, value } = request.value
    const answer = introspect.answer(caller, value)
    noStore(ctx)
    ctx.status = 200
    if (!wantsJwt(ctx)) {
      ctx.body = answer
      return
    }
    ctx.body = await signIntrospection(caller.client.clientId, answer)
    ctx.type = `application/${INTROSPECTION_JWT}`
  }

/** RFC 9701 §4: asked for by name; a client that takes anything gets JSON. */
const wantsJwt = ({ headers: { accept = '' } }: EndpointContext): boolean =>
  accept.split(',').some((type) => type.split(';')[0]?.trim().toLowerCase() === `application/${INTROSPECTION_JWT}`)
