import { newRecordId } from '../credentials/format.ts'
import type { TenantScope } from '../tenancy/scoped-database.ts'

/** Who did it: the key, token or person, the operator at the command line, or the server by itself. */
export interface Actor {
  readonly type:
    | 'api_key'
    | 'api_client'
    | 'service_token'
    | 'access_token'
    | 'service_user'
    | 'app'
    | 'member'
    | 'anonymous'
    | 'operator'
    | 'system'
  readonly id: string
  readonly name: string
}

/** Where a change came from. */
export interface Origin {
  readonly actor: Actor
  readonly ip?: string | undefined
  readonly requestId?: string | undefined
}

/** What happened. `action` is `<what>.<past participle>`: `api_key.created`. */
export interface AuditEvent {
  readonly action: string
  readonly target: { readonly type: string; readonly id: string }
  /** Never holds a credential or its hash. */
  readonly details?: { readonly [name: string]: Detail }
}

/** As JSON has it. */
export type Detail = string | number | boolean | null | readonly Detail[] | { readonly [name: string]: Detail }

/** An entry as it is chained: every member that is kept, so that altering any one breaks the chain. */
export interface ChainedEntry {
  readonly tenantId: string
  readonly mode: string
  readonly id: string
  readonly seq: number
  readonly at: Date
  readonly action: string
  readonly actorType: string
  readonly actorId: string
  readonly actorName: string
  readonly targetType: string
  readonly targetId: string
  readonly ip: string | null
  readonly requestId: string | null
  readonly details: unknown
}

/** As the API and webhooks show it. */
export const shownEntry = (entry: Omit<ChainedEntry, 'tenantId' | 'mode' | 'seq'>) => ({
  id: entry.id,
  at: entry.at,
  action: entry.action,
  actor: { type: entry.actorType, id: entry.actorId, name: entry.actorName },
  target: { type: entry.targetType, id: entry.targetId },
  ip: entry.ip,
  request_id: entry.requestId,
  details: entry.details,
})

/** An entry that has no place in its chain yet. */
export type UnchainedEntry = Omit<ChainedEntry, 'seq'>

export function entryOf(
  scope: TenantScope,
  { actor, ip, requestId }: Origin,
  { action, target, details }: AuditEvent,
  at: Date,
  id = newRecordId('evt'),
): UnchainedEntry {
  return {
    ...{ tenantId: scope.tenantId, mode: scope.mode, id, at, action },
    ...{ actorType: actor.type, actorId: actor.id, actorName: actor.name },
    ...{ targetType: target.type, targetId: target.id },
    ip: ip ?? null,
    requestId: requestId ?? null,
    // What the server does by itself nobody does in the sandbox.
    details: { sandbox: scope.mode === 'test' && actor.type !== 'system', ...details },
  }
}
