import { createHash } from 'node:crypto'

/** Who did it: the key, token or person, or the operator at the command line. */
export interface Actor {
  readonly type:
    | 'api_key'
    | 'service_token'
    | 'access_token'
    | 'service_user'
    | 'app'
    | 'member'
    | 'anonymous'
    | 'operator'
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

/** What the first entry of a chain follows. */
export const CHAIN_START = '0'.repeat(64)

/** SHA-256, hex, over the hash before and every member in a fixed order. */
export function chainHash(previous: string, entry: ChainedEntry): string {
  const members = [entry.tenantId, entry.mode, entry.id, entry.seq, entry.at.toISOString(), entry.action]
  const people = [entry.actorType, entry.actorId, entry.actorName, entry.targetType, entry.targetId]
  const rest = [entry.ip, entry.requestId, sortedJson(entry.details)]
  return createHash('sha256')
    .update(JSON.stringify([previous, ...members, ...people, ...rest]))
    .digest('hex')
}

/** jsonb doesn't keep the order of members, so the hash mustn't depend on it. */
const sortedJson = (value: unknown): string =>
  JSON.stringify(value, (_, member) =>
    member instanceof Object && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
