import { systemClock } from '../server/clock.ts'
import { createDigests } from '../server/credentials/digest.ts'
import { newClientRef, newPublicId, newRecordId, newStandardKey, splitKey } from '../server/credentials/format.ts'
import { deriveMasterKeys } from '../server/credentials/master-key.ts'
import type { Settings } from '../server/settings.ts'
import { openStorage } from '../server/storage/open.ts'
import { createLog } from '../server/telemetry/log.ts'

/** Keys of live mode, written as the server would write them, `count` of them; what each authenticates with. */
export async function seedKeys(
  settings: Pick<Settings, 'databaseUrl' | 'redisUrl' | 'dataDir'>,
  masterKey: Buffer,
  count: number,
): Promise<string[]> {
  const storage = await openStorage(settings, { clock: systemClock, log: createLog({ level: 'warn' }) })
  const digests = createDigests(deriveMasterKeys([masterKey]))
  const tenant = await storage.database.tenant.findFirstOrThrow()
  const scope = { tenantId: tenant.id, mode: 'live' }
  const now = new Date()
  const keys = Array.from({ length: count }, () => {
    const publicId = newPublicId()
    return { publicId, ref: newClientRef(), id: newRecordId('key'), key: newStandardKey('live', publicId) }
  })
  const { database } = storage
  const made = { createdBy: 'bench', createdAt: now }
  await database.standing.createMany({ data: keys.map(({ ref }) => ({ ...scope, ref, kind: 'client' })) })
  await database.client.createMany({
    data: keys.map(({ id, publicId, ref }) => ({
      ...{ ...scope, ...made, id, publicId, ref, kind: 'standard', name: 'bench', updatedAt: now },
      allScopes: true,
    })),
  })
  await database.secret.createMany({
    data: keys.map(({ id, key }) => ({
      ...{ ...scope, ...made, ...digests.digest(key), id: newRecordId('sec'), clientId: id },
    })),
  })
  await storage.close()
  return keys.map(({ key }) => {
    const { clientId, clientSecret } = splitKey(key)
    return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  })
}
