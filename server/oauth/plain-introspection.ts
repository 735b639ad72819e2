import { type Authenticated, usedSecret } from '../credentials/authenticator.ts'
import { isServiceUserId } from '../credentials/client.ts'
import { isCurrentBy } from '../credentials/client-registry.ts'
import { parseCredential } from '../credentials/format.ts'
import type { Peer } from '../credentials/peer.ts'
import type { Standings } from '../credentials/standings.ts'
import type { Usage } from '../credentials/usage.ts'
import type { Mode } from '../mode/mode.ts'
import type { StateStore } from '../storage/state-store.ts'
import type { AccessTokens } from './access-token.ts'
import type { Found, Introspect } from './introspection.ts'

interface Needs {
  mode: Mode
  standings: Pick<Standings, 'readHot'>
  state: Pick<StateStore, 'findToken'>
  tokens: Pick<AccessTokens, 'digestOf' | 'judge'>
  introspect: Pick<Introspect, 'ofAccessToken'>
  usage: Pick<Usage, 'used'>
}

/**
 * Nearly every introspection: a caller that is recognized shows an access token that speaks for its client alone. The
 * token, its client's standing and the caller's are read together, and tell all. Undefined: not so plain, and the whole
 * pipeline, of whose pieces this is made, has its say.
 */
export function createPlainIntrospection(needs: Needs) {
  const { mode, standings, state, tokens, introspect, usage } = needs

  return async (
    caller: Authenticated,
    text: string,
    peer: Peer,
  ): Promise<{ readonly found: Found | undefined } | undefined> => {
    const credential = parseCredential(text)
    if (credential?.kind !== 'access_token' || credential.mode !== mode) return undefined
    const digest = tokens.digestOf(credential)
    if (digest === undefined) return undefined
    const refs = [caller.client.ref, caller.tenant.ref, credential.clientRef]
    const [record, [clientNow, tenantNow, standing]] = await Promise.all([
      state.findToken(digest),
      standings.readHot(refs),
    ])
    if (!isCurrentBy(caller, clientNow, tenantNow)) return undefined
    const token = record === undefined ? 'dead' : tokens.judge(digest, record, standing)
    // A service user's teams are looked up.
    if (token === 'unsure' || (token !== 'dead' && isServiceUserId(token.clientId))) return undefined
    usage.used(usedSecret(caller), peer)
    return { found: token === 'dead' ? undefined : introspect.ofAccessToken(token) }
  }
}
