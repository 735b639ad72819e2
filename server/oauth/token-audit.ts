import { LRUCache } from 'lru-cache'
import type { RecordEvent } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import { networkOf } from '../credentials/network.ts'
import type { Later } from '../later.ts'
import type { StateStore } from '../storage/state-store.ts'
import { actorOf } from './client-actor.ts'
import type { TokenResponse } from './grants/grant.ts'
import type { OAuthError } from './oauth-error.ts'
import { recorded } from './recorded.ts'

/** What the audit log says of tokens that were given or refused. Never holds one. */
export interface TokenAudit {
  /** Before it is handed out, so that nobody holds a token of which there is no entry. */
  given(known: KnownClient, token: TokenResponse, request: TokenRequest): Promise<void>
  /** A token that was minted while its client was still being checked, and that nobody gets. */
  discarded(known: KnownClient, token: TokenResponse, request: TokenRequest): Promise<void>
  /** Only where it is known whose client it was: a made-up one has no log to be in. */
  refused(known: KnownClient, error: OAuthError, request: TokenRequest): Promise<void>
  /**
   * The same of somebody who hasn't proven to be them, to be written at another time: when they are answered, and what they
   * ask next, would else tell which clients there are.
   */
  refusedUnproven(known: KnownClient, error: OAuthError, request: TokenRequest): void
}

/** The part of a token request that its entry names. */
export interface TokenRequest {
  readonly grantType: string | undefined
  readonly ip: string
  readonly requestId: string
}

interface Needs {
  recordEvent: RecordEvent
  state: Pick<StateStore, 'countFailure'>
  clock: Clock
  later: Pick<Later, 'run'>
}

/** How many rejections a minute have an entry each; of the rest only the metrics know, so that a flood fills no log. */
export const AUDITED_REJECTIONS = { ofNetwork: 20, ofClient: 100 } as const

const WINDOW = 60_000

/** Characters: the scope of a client that has everything may be longer than the rest of the entry. */
const LONGEST_SCOPE = 1_000

export function createTokenAudit({ recordEvent, state, clock, later }: Needs): TokenAudit {
  /** Until when what has no entries left has none. A flood is counted here, and costs the store nothing more. */
  const exhaustedUntil = new LRUCache<string, number>({ max: 10_000 })

  /** How many entries are left after this one; less than none: not even this. */
  async function left(key: string, most: number): Promise<number> {
    if ((exhaustedUntil.get(key) ?? 0) > clock.now()) return -1
    const { count, resetsAt } = await state.countFailure(`rejected:${key}`, WINDOW)
    if (count >= most) exhaustedUntil.set(key, resetsAt)
    return most - count
  }

  async function entriesLeft({ client }: KnownClient, ip: string): Promise<number> {
    const ofNetwork = await left(`${client.ref}@${networkOf(ip)}`, AUDITED_REJECTIONS.ofNetwork)
    // One network that has used up its share takes nothing of the others'.
    return ofNetwork < 0 ? ofNetwork : Math.min(ofNetwork, await left(client.ref, AUDITED_REJECTIONS.ofClient))
  }

  async function refused(known: KnownClient, error: OAuthError, request: TokenRequest, at = clock.now()) {
    // RFC 9449 §8: how a client learns of the nonce. It was asked to come again.
    if (error.error === 'use_dpop_nonce') return
    const { grantType, ip, requestId } = request
    const entries = await entriesLeft(known, ip)
    if (entries < 0) return
    const { client } = known
    const actor = actorOf(client)
    const { description, reason, scope, audited } = error
    const details = {
      ...{ grant_type: recorded(grantType ?? null), client_id: client.clientId, error: error.error },
      ...{ reason: reason ?? error.error, description, ...(scope !== undefined && { scope: recorded(scope) }) },
      ...audited,
      ...(entries === 0 && { more: 'further rejections of this minute have no entry' }),
    }
    const event = { action: 'token.rejected', target: { type: actor.type, id: client.id }, details }
    await recordEvent(client.tenantId, { actor, ip, requestId }, event, at)
  }

  return {
    given({ client }, token, { grantType, ip, requestId }) {
      const { action = 'token.minted', target = { type: 'access_token', id: token.jti }, details } = token.audited ?? {}
      const common = {
        grant_type: grantType ?? null,
        client_id: client.clientId,
        jti: token.jti,
        scope: shortened(token.scope),
        resource: token.resource,
        token_type: token.tokenType,
        expires_in: token.expiresIn,
        ...(token.jkt && { jkt: token.jkt }),
        ...details,
      }
      const origin = { actor: actorOf(client), ip, requestId }
      return recordEvent(client.tenantId, origin, { action, target, details: common })
    },

    async discarded({ client }, { jti }, { ip, requestId }) {
      const event = { action: 'token.discarded', target: { type: 'access_token', id: jti } }
      const details = { reason: 'the client changed while it was minted; it was given to nobody' }
      await recordEvent(client.tenantId, { actor: actorOf(client), ip, requestId }, { ...event, details })
    },

    refused,

    refusedUnproven(known, error, request) {
      const at = clock.now()
      later.run(() => refused(known, error, request, at))
    },
  }
}

const shortened = (scope: string): string =>
  scope.length > LONGEST_SCOPE ? `${scope.slice(0, LONGEST_SCOPE)}…` : scope
