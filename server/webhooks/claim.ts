import type { Database } from '../storage/database.ts'

/** A message that is this node's to send until its lease ends. */
export interface Claimed {
  readonly id: string
  readonly event: string
  readonly body: string
  /** The one that is to be made included. */
  readonly attempts: number
  readonly webhookId: string
  readonly tenantId: string
  readonly mode: string
  readonly url: string
  readonly sealedSecret: string
}

interface Wanted {
  readonly now: Date
  /** When others may take it: this node has died then, or it would have said what came of it. */
  readonly leaseEnd: Date
  readonly most: number
  /** Who has as many on the way as they may. */
  readonly busyWebhooks: readonly string[]
  readonly busyTenants: readonly string[]
}

/**
 * What is due, at most one message of each tenant, so that no tenant's backlog stands before another's. One statement, and
 * so a short transaction. SKIP LOCKED: of nodes that see the same message, one gets it, and none waits.
 */
export const claimDue = (
  database: Pick<Database, '$queryRaw'>,
  { now, leaseEnd, most, busyWebhooks, busyTenants }: Wanted,
): Promise<Claimed[]> => database.$queryRaw<Claimed[]>`
  UPDATE webhook_message m SET next_at = ${leaseEnd}, attempts = m.attempts + 1
  FROM webhook w
  WHERE w.id = m.webhook_id AND m.id IN (
    SELECT due.id FROM webhook_message due
    WHERE due.next_at <= ${now} AND due.id IN (
      SELECT DISTINCT ON (one.tenant_id) one.id
      FROM webhook_message one JOIN webhook its ON its.id = one.webhook_id
      WHERE one.next_at <= ${now} AND its.disabled_at IS NULL
        AND its.id <> ALL (${[...busyWebhooks]}::text[]) AND its.tenant_id <> ALL (${[...busyTenants]}::text[])
      ORDER BY one.tenant_id, one.next_at, one.id)
    ORDER BY due.next_at LIMIT ${most} FOR UPDATE SKIP LOCKED)
  RETURNING m.id, m.event, m.body, m.attempts, m.webhook_id AS "webhookId", m.tenant_id AS "tenantId", m.mode, w.url,
    w.sealed_secret AS "sealedSecret"`
