import { LRUCache } from 'lru-cache'
import type { Change } from '../audit/change.ts'
import type { Detail } from '../audit/entry.ts'
import type { Clock } from '../clock.ts'
import type { Client } from '../credentials/client.ts'
import type { KnownClient } from '../credentials/client-registry.ts'
import { networkOf } from '../credentials/network.ts'
import type { StateStore } from '../storage/state-store.ts'

/** What the audit log says of exchanges, done and refused. Never holds a token. */
export interface ExchangeAudit {
  exchanged(known: KnownClient, jti: string, details: Details, request: Origin): Promise<void>
  rejected(known: KnownClient, details: Details, request: Origin): Promise<void>
}

type Details = { readonly [name: string]: Detail }
type Origin = { readonly ip: string; readonly requestId: string }

interface Needs {
  change: Change
  state: Pick<StateStore, 'countFailure'>
  clock: Clock
}

/** How many rejections a minute have an entry each; of the rest only the metrics know, so that a flood fills no log. */
export const AUDITED_REJECTIONS = { ofNetwork: 20, ofServiceUser: 100 } as const

const WINDOW = 60_000

export function createExchangeAudit({ change, state, clock }: Needs): ExchangeAudit {
  /** Until when what has no entries left has none. A flood is counted here, and costs the store nothing more. */
  const exhaustedUntil = new LRUCache<string, number>({ max: 10_000 })

  /** How many entries are left after this one; less than none: not even this. */
  async function left(key: string, most: number): Promise<number> {
    if ((exhaustedUntil.get(key) ?? 0) > clock.now()) return -1
    const { count, resetsAt } = await state.countFailure(`exchange:${key}`, WINDOW)
    if (count >= most) exhaustedUntil.set(key, resetsAt)
    return most - count
  }

  async function write(known: KnownClient, action: string, target: Target, details: Details, origin: Origin) {
    const { client } = known
    const { ip, requestId } = origin
    const scope = { tenantId: client.tenantId, mode: client.mode }
    await change(scope, { actor: actorOf(client), ip, requestId }, async () => ({
      result: undefined,
      events: [{ action, target, details }],
    }))
  }

  return {
    exchanged: (known, jti, details, origin) =>
      write(known, 'token.exchanged', { type: 'access_token', id: jti }, details, origin),

    async rejected(known, details, origin) {
      const { id, ref } = known.client
      const ofNetwork = await left(`${ref}@${networkOf(origin.ip)}`, AUDITED_REJECTIONS.ofNetwork)
      // One network that has used up its share takes nothing of the others'.
      const entries = ofNetwork < 0 ? ofNetwork : Math.min(ofNetwork, await left(ref, AUDITED_REJECTIONS.ofServiceUser))
      if (entries < 0) return
      const last = entries === 0 && { more: 'further rejections of this minute have no entry' }
      await write(
        known,
        'token.exchange_rejected',
        { type: actorOf(known.client).type, id },
        { ...details, ...last },
        origin,
      )
    },
  }
}

type Target = { readonly type: string; readonly id: string }

const actorOf = ({ kind, id, name }: Client) => ({
  type: kind === 'service_user' || kind === 'app' ? kind : ('api_key' as const),
  id,
  name,
})
