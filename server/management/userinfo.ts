import { parseCredential } from '../credentials/format.ts'
import type { Handler } from '../http/context.ts'
import { noStore } from '../http/oauth-answer.ts'
import { ApiError } from '../http/problem.ts'
import type { Mode } from '../mode/mode.ts'
import type { Consents } from '../people/consent.ts'
import { type Challenges, schemeOf } from './challenge.ts'
import { presentedBy } from './presented-credential.ts'
import type { AcceptToken } from './presented-token.ts'

interface Needs {
  mode: Mode
  issuer: string
  acceptToken: AcceptToken
  consents: Pick<Consents, 'read'>
  challenges: Challenges
}

const TOKEN = /^(?:bearer|dpop) +(\S+)$/i

/** OpenID Connect Core 1.0 §5.3: who the person is, for an app that they let know. */
export const createUserinfo =
  ({ mode, issuer, acceptToken, consents, challenges }: Needs): Handler =>
  async (ctx) => {
    const presented = presentedBy(ctx, issuer)
    if (presented.authorization === undefined) throw challenges.authenticationRequired()
    const credential = parseCredential(TOKEN.exec(presented.authorization)?.[1] ?? '')
    const scheme = schemeOf(presented.authorization)
    if (credential?.kind !== 'access_token' || credential.mode !== mode) throw challenges.unauthenticated(scheme)
    const { token, known } = await acceptToken(credential, presented)
    ctx.state.client = known.client.clientId
    ctx.state.tenant = known.tenant.id
    const scopes = token.scope.split(' ')
    const consent = token.delegation && (await consents.read(token.delegation.consentRef))
    if (!consent || !scopes.includes('openid')) {
      const missing = new ApiError('insufficient_scope', { scope: 'openid', detail: 'this needs the scope openid' })
      throw challenges.insufficientScope(scheme, missing)
    }
    noStore(ctx)
    ctx.body = { sub: consent.memberId, ...(scopes.includes('email') && { email: consent.email }) }
  }
