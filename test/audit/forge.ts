import { createHash } from 'node:crypto'
import type { Database } from '../../server/storage/database.ts'
import type { TenantScope } from '../../server/tenancy/scoped-database.ts'

/** What an attacker does who can write to the database and has read the source: hashes all anew from `seq` on. */
export async function forgeUnkeyed(database: Database, scope: TenantScope, seq: number): Promise<void> {
  const rows = await database.auditEntry.findMany({ where: { ...scope, seq: { gte: seq } }, orderBy: { seq: 'asc' } })
  let previous = rows[0]?.previous ?? ''
  for (const row of rows) {
    const hash = createHash('sha256')
      .update(
        JSON.stringify([
          ...[previous, row.tenantId, row.mode, row.id, row.seq, row.at.toISOString(), row.action],
          ...[row.actorType, row.actorId, row.actorName, row.targetType, row.targetId, row.ip, row.requestId],
          sorted(row.details),
        ]),
      )
      .digest('hex')
    await database.auditEntry.update({ where: { id: row.id }, data: { previous, hash, hashKey: '' } })
    previous = hash
  }
  await database.auditHead.updateMany({ where: scope, data: { hash: previous } })
}

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, member) =>
    member instanceof Object && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
