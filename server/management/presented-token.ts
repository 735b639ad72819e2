import type { ClientRegistry, KnownClient } from '../credentials/client-registry.ts'
import type { AccessTokenCredential } from '../credentials/format.ts'
import { ApiError } from '../http/problem.ts'
import type { AccessToken, AccessTokens } from '../oauth/access-token.ts'
import type { DpopProofs } from '../oauth/dpop-proof.ts'
import { isAllowedFrom } from '../tenancy/networks.ts'
import { type Challenges, schemeOf } from './challenge.ts'
import type { PresentedCredential } from './presented-credential.ts'
import { createCheckBinding } from './token-binding.ts'

/** An access token that is good here and now, and was presented by whoever may. */
export interface AcceptedToken {
  readonly token: AccessToken
  readonly known: KnownClient
}

/** @throws {ApiError} with a challenge */
export type AcceptToken = (credential: AccessTokenCredential, presented: PresentedCredential) => Promise<AcceptedToken>

interface Needs {
  clients: Pick<ClientRegistry, 'current' | 'ofRef'>
  tokens: Pick<AccessTokens, 'findLive'>
  dpopProofs: DpopProofs
  challenges: Challenges
}

/** RFC 6750 and RFC 9449 §7 for our own protected resources: the management API and userinfo. */
export function createAcceptToken({ clients, tokens, dpopProofs, challenges }: Needs): AcceptToken {
  const checkBinding = createCheckBinding({ dpopProofs, challenges })

  return async (credential, presented) => {
    const unauthenticated = (reason?: string) =>
      challenges.unauthenticated(schemeOf(presented.authorization), undefined, undefined, reason)
    const token = await tokens.findLive(credential)
    if (!token) throw unauthenticated()
    await checkBinding(token.jkt, credential, presented)
    const known = await clients.current(() => clients.ofRef(credential.clientRef))
    if (!known) throw unauthenticated()
    if (!isAllowedFrom(known.tenant.allowedNetworks, presented.peer.ip)) throw unauthenticated('network')
    if (known.tenant.status !== 'active') throw new ApiError('subscription_inactive')
    if (!token.jkt && mustBeBound(known)) {
      // It is from before its client or tenant was told to.
      throw challenges.unauthenticated('DPoP', 'invalid_token', 'this token must be bound with DPoP')
    }
    return { token, known }
  }
}

export const mustBeBound = ({ client, tenant }: KnownClient): boolean => client.requireDpop || tenant.requireDpop
