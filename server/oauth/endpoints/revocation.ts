import type { Authenticator } from '../../credentials/authenticator.ts'
import type { Handler } from '../../http/context.ts'
import { answerOAuthError, noStore } from '../../http/oauth-answer.ts'
import type { Mode } from '../../mode/mode.ts'
import type { Revoke } from '../revocation.ts'
import { readClientRequest } from './client-request.ts'

interface Needs {
  mode: Mode
  authenticator: Authenticator
  revoke: Revoke
}

/** `POST /oauth/revoke`, RFC 7009. §2.2: 200 whether or not there was anything to revoke. */
export const createRevocationEndpoint =
  ({ revoke, ...needs }: Needs): Handler =>
  async (ctx) => {
    const request = await readClientRequest(ctx, needs, async () => undefined)
    if (!request.ok) return answerOAuthError(ctx, request.error)
    const { caller, token } = request.value
    await revoke(caller, token, { ip: ctx.ip, requestId: ctx.state.requestId })
    noStore(ctx)
    ctx.status = 200
    ctx.body = ''
  }
