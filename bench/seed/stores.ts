import { systemClock } from '../../server/clock.ts'
import { createDigests, type Digests } from '../../server/credentials/digest.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import type { Settings } from '../../server/settings.ts'
import { openStorage, type Storage } from '../../server/storage/open.ts'
import { createLog } from '../../server/telemetry/log.ts'

export const MASTER_KEY = Buffer.alloc(32, 3)

export type StorageSettings = Pick<Settings, 'databaseUrl' | 'redisUrl' | 'dataDir'>

/** The stores of the server under measurement, to write into them what it would write. */
export interface Stores {
  readonly storage: Storage
  readonly digests: Digests
  /** In which all that is made is, in live mode. */
  readonly scope: { readonly tenantId: string; readonly mode: 'live' }
  /** Of its first member. */
  readonly memberId: string
  close(): Promise<void>
}

/** After the server's first start, which makes the tenant. */
export async function openStores(settings: StorageSettings): Promise<Stores> {
  const storage = await openStorage(settings, { clock: systemClock, log: createLog({ level: 'warn' }) })
  const tenant = await storage.database.tenant.findFirstOrThrow()
  const member = await storage.database.member.findFirstOrThrow({ where: { tenantId: tenant.id } })
  return {
    storage,
    digests: createDigests(deriveMasterKeys([MASTER_KEY])),
    scope: { tenantId: tenant.id, mode: 'live' },
    memberId: member.id,
    close: () => storage.close(),
  }
}

export const stamps = () => {
  const now = new Date()
  return { createdBy: 'bench', createdAt: now, updatedAt: now }
}

export const basic = (id: string, secret: string): { Authorization: string } => ({
  Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

const PORTION = 1_000

/** Written in portions of which each is one statement. */
export async function inPortions<T>(
  rows: readonly T[],
  write: (rows: { data: T[] }) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < rows.length; at += PORTION) await write({ data: rows.slice(at, at + PORTION) })
}
