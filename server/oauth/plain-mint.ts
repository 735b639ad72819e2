import { type Authenticated, usedSecret } from '../credentials/authenticator.ts'
import { isCurrentBy } from '../credentials/client-registry.ts'
import type { Peer } from '../credentials/peer.ts'
import type { Standings } from '../credentials/standings.ts'
import type { Usage } from '../credentials/usage.ts'
import type { AccessTokens, MintedToken } from './access-token.ts'
import { decideClientCredentials } from './grants/client-credentials.ts'
import type { GrantRequest } from './grants/grant.ts'
import type { TokenAudit } from './token-audit.ts'

interface Needs {
  issuer: string
  standings: Standings
  tokens: Pick<AccessTokens, 'make' | 'keep'>
  tokenAudit: Pick<TokenAudit, 'given' | 'discarded'>
  usage: Pick<Usage, 'used'>
}

type PlainRequest = Pick<GrantRequest, 'params' | 'resource' | 'jkt' | 'requestId'> & { readonly peer: Peer }

/**
 * Nearly every mint: a client that is recognized asks for a token of its own. Who it is and what it gets is decided without
 * waiting, and then one round trip keeps the token, records the event and finds the copy current. Undefined: not so
 * plain, or not to be; nobody got anything, and the whole pipeline, of whose pieces this is made, has its say.
 */
export function createPlainMint({ issuer, standings, tokens, tokenAudit, usage }: Needs) {
  return async (known: Authenticated, request: PlainRequest): Promise<MintedToken | undefined> => {
    const { peer, params, requestId } = request
    const decided = decideClientCredentials(issuer, known, request)
    const made = decided.ok ? tokens.make(decided.value) : undefined
    if (!made) return undefined
    const audited = { grantType: params.grant_type, ip: peer.ip, requestId }
    const [[clientNow, tenantNow]] = await Promise.all([
      standings.read([known.client.ref, known.tenant.ref]),
      tokens.keep(made),
      tokenAudit.given(known, made.minted, audited),
    ])
    if (isCurrentBy(known, clientNow, tenantNow)) {
      usage.used(usedSecret(known), peer)
      return made.minted
    }
    await tokenAudit.discarded(known, made.minted, audited)
    return undefined
  }
}
