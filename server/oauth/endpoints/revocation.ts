import type { Handler } from '../../http/context.ts'
import { answerOAuthError, noStore } from '../../http/oauth-answer.ts'
import type { AuthenticateClient } from '../authenticate-client.ts'
import type { Revoke } from '../revocation.ts'
import { readClientRequest } from './client-request.ts'

interface Needs {
  authenticateClient: AuthenticateClient
  revoke: Revoke
}

/** `POST /oauth/revoke`, RFC 7009. §2.2: 200 whether or not there was anything to revoke. */
export const createRevocationEndpoint =
  ({ authenticateClient, revoke }: Needs): Handler =>
  async (ctx) => {
    const request = await readClientRequest(ctx, { authenticateClient, publicClients: true }, async () => undefined)
    if (!request.ok) return answerOAuthError(ctx, request.error)
    const { caller, token } = request.value
    await revoke(caller, token, { ip: ctx.ip, requestId: ctx.state.requestId })
    noStore(ctx)
    ctx.status = 200
    ctx.body = ''
  }
