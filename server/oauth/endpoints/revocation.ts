import type { Handler } from '../../http/context.ts'
import { answerOAuthError, noStore } from '../../http/oauth-answer.ts'
import type { AuthenticateClient } from '../authenticate-client.ts'
import type { RecognizedClients } from '../recognized-clients.ts'
import type { Revoke } from '../revocation.ts'
import { readClientRequest } from './client-request.ts'

interface Needs {
  authenticateClient: AuthenticateClient
  recognized: RecognizedClients
  revoke: Revoke
}

/** `POST /oauth/revoke`, RFC 7009. §2.2: 200 whether or not there was anything to revoke. */
export const createRevocationEndpoint =
  ({ authenticateClient, recognized, revoke }: Needs): Handler =>
  async (ctx) => {
    const needs = { authenticateClient, recognized, publicClients: true }
    const origin = { ip: ctx.ip, requestId: ctx.state.requestId }
    const request = await readClientRequest(ctx, needs, (caller, token) => revoke(caller, token, origin))
    if (!request.ok) return answerOAuthError(ctx, request.error)
    noStore(ctx)
    ctx.status = 200
    ctx.body = ''
  }
