import type { AuditEvent, Origin } from './entry.ts'

/**
 * An event on its way to the log. It has its id already, so that it gets there once however often it is delivered; and
 * its time, which is when it happened, not when it was taken in.
 */
export interface PendingEvent {
  readonly id: string
  readonly at: Date
  readonly tenantId: string
  readonly origin: Origin
  readonly event: AuditEvent
}

/** A tuple: there are thousands a second, and names would be half of each. */
export function encodeEvent({ id, at, tenantId, origin: { actor, ip, requestId }, event }: PendingEvent): string {
  const { action, target, details = {} } = event
  // biome-ignore format: one line for what it is, one for who and what, one for the rest
  const tuple = [
    id, at.getTime(), tenantId, action,
    actor.type, actor.id, actor.name, target.type, target.id,
    ip ?? null, requestId ?? null, details,
  ]
  return storable(JSON.stringify(tuple))
}

/** As JSON writes NUL and halves of surrogate pairs, neither of which PostgreSQL keeps; not what only looks like it. */
const UNSTORABLE = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f]..)/gi

/** Nobody stays out of the log by what they send. */
const storable = (json: string): string => (json.includes('\\u') ? json.replaceAll(UNSTORABLE, '$1\\ufffd') : json)

/** Undefined: none of ours. Whoever can write to the hot store may write anything there. */
export function decodeEvent(text: string): PendingEvent | undefined {
  const tuple = parsed(text)
  if (tuple?.length !== 12 || storable(text) !== text) return undefined
  const [id, at, tenantId, action, actorType, actorId, actorName, targetType, targetId, ip, requestId, details] = tuple
  const names = [id, tenantId, action, actorType, actorId, actorName, targetType, targetId]
  if (!names.every((name) => typeof name === 'string')) return undefined
  if (![ip, requestId].every((each) => each === null || typeof each === 'string')) return undefined
  if (!Number.isInteger(at) || Math.abs(at as number) > LATEST) return undefined
  if (!(details instanceof Object) || Array.isArray(details)) return undefined
  const actor = { type: actorType, id: actorId, name: actorName } as Origin['actor']
  return {
    ...{ id: id as string, at: new Date(at as number), tenantId: tenantId as string },
    origin: { actor, ip: (ip as string | null) ?? undefined, requestId: (requestId as string | null) ?? undefined },
    event: {
      action: action as string,
      target: { type: targetType as string, id: targetId as string },
      details: details as NonNullable<AuditEvent['details']>,
    },
  }
}

function parsed(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Milliseconds: the year 9999. */
const LATEST = 253_402_300_799_999
