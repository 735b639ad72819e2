import type { Database } from '../storage/database.ts'
import type { TenantScope } from '../tenancy/scoped-database.ts'
import type { Peer } from './peer.ts'

/** What comes together of one secret on one day. */
export interface SecretUse extends TenantScope {
  readonly clientId: string
  readonly secretId: string
  /** In UTC: 2030-01-31. */
  readonly day: string
  count: number
  /** Of the last use, cut to the minute. */
  at: number
  /** Of the last use whose place is known. */
  from: Peer | undefined
}

/**
 * One statement for when, one for how often. What is gone meanwhile is left out. Answers with those whose row somebody
 * else holds at this moment, counted already: to wait for it while holding others could be a deadlock with a change.
 */
export async function writeUses(database: Database, uses: readonly SecretUse[]): Promise<readonly SecretUse[]> {
  const missed = await writeLastUses(database, latest(uses))
  const counted = uses.filter(({ count }) => count > 0)
  if (counted.length) await writeCounts(database, counted)
  return missed.map((use) => ({ ...use, count: 0 }))
}

/** Of each secret one: around midnight there are two. */
const latest = (uses: readonly SecretUse[]): SecretUse[] => {
  const byDay = uses.toSorted((a, b) => (a.day < b.day ? -1 : 1))
  return [...new Map(byDay.map((use) => [use.secretId, use])).values()]
}

async function writeLastUses(database: Database, uses: readonly SecretUse[]): Promise<SecretUse[]> {
  const ids = uses.map(({ secretId }) => secretId)
  const times = uses.map(({ at }) => new Date(at).toISOString())
  const ips = uses.map(({ from }) => from?.ip ?? null)
  const agents = uses.map(({ from }) => from?.userAgent ?? null)
  const missed = await database.$queryRaw<{ id: string }[]>`
    WITH used AS (
      SELECT id, at::timestamptz, ip, agent
      FROM unnest(${ids}::text[], ${times}::text[], ${ips}::text[], ${agents}::text[]) AS used (id, at, ip, agent)
    ), mine AS (
      SELECT secret.id FROM secret JOIN used USING (id) FOR UPDATE OF secret SKIP LOCKED
    ), written AS (
      UPDATE secret SET
        last_used_at = GREATEST(secret.last_used_at, used.at),
        last_used_ip = CASE WHEN used.ip IS NULL OR secret.last_used_at > used.at
          THEN secret.last_used_ip ELSE used.ip END,
        last_used_agent = CASE WHEN used.ip IS NULL OR secret.last_used_at > used.at
          THEN secret.last_used_agent ELSE used.agent END
      FROM used JOIN mine USING (id) WHERE secret.id = used.id
      RETURNING secret.id
    )
    SELECT secret.id FROM secret JOIN used USING (id) WHERE secret.id NOT IN (SELECT id FROM written)`
  const names = new Set(missed.map(({ id }) => id))
  return uses.filter(({ secretId }) => names.has(secretId))
}

async function writeCounts(database: Database, uses: readonly SecretUse[]): Promise<void> {
  const tenants = uses.map(({ tenantId }) => tenantId)
  const modes = uses.map(({ mode }) => mode as string)
  const clients = uses.map(({ clientId }) => clientId)
  const secrets = uses.map(({ secretId }) => secretId)
  const days = uses.map(({ day }) => day)
  const counts = uses.map(({ count }) => count)
  // A client that somebody deletes is either still there for as long as this takes, or left out. In order, so that nodes
  // that count the same secrets wait for each other, and never crosswise.
  await database.$executeRaw`
    WITH used AS (
      SELECT * FROM unnest(${tenants}::text[], ${modes}::text[], ${clients}::text[], ${secrets}::text[],
        ${days}::text[], ${counts}::int[]) AS used (tenant_id, mode, client_id, secret_id, day, count)
    ), present AS (
      SELECT client.id FROM client WHERE client.id IN (SELECT client_id FROM used) FOR KEY SHARE SKIP LOCKED
    )
    INSERT INTO usage_day (tenant_id, mode, client_id, secret_id, day, count)
    SELECT used.* FROM used WHERE client_id IN (SELECT id FROM present)
    ORDER BY client_id, secret_id, day
    ON CONFLICT (tenant_id, mode, client_id, secret_id, day) DO UPDATE SET count = usage_day.count + EXCLUDED.count`
}
