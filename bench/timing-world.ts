import { systemClock } from '../server/clock.ts'
import { createDigests } from '../server/credentials/digest.ts'
import {
  newAccessToken,
  newClientRef,
  newPublicId,
  newRecordId,
  newStandardKey,
  splitKey,
} from '../server/credentials/format.ts'
import { deriveMasterKeys } from '../server/credentials/master-key.ts'
import type { Mode } from '../server/mode/mode.ts'
import type { Settings } from '../server/settings.ts'
import { openStorage } from '../server/storage/open.ts'
import { createLog } from '../server/telemetry/log.ts'

/** A key as it was written, and what it would say of itself. */
export interface SeededKey {
  readonly id: string
  readonly key: string
  readonly clientId: string
  readonly clientSecret: string
}

export type Seed = (
  count: number,
  more?: { tenantId?: string; mode?: Mode; revokedAt?: Date; expiresAt?: Date },
) => Promise<SeededKey[]>

export interface World {
  readonly seed: Seed
  /** A tenant beside the one that the first start made. */
  readonly otherTenantId: string
  close(): Promise<void>
}

/** Rows of one statement. */
const BATCH = 1_000

/** Rows as the server would write them: it reads them when it is asked, since it has no copy. */
export async function openWorld(
  settings: Pick<Settings, 'databaseUrl' | 'redisUrl' | 'dataDir'>,
  masterKey: Buffer,
): Promise<World> {
  const storage = await openStorage(settings, { clock: systemClock, log: createLog({ level: 'warn' }) })
  const { database } = storage
  const digests = createDigests(deriveMasterKeys([masterKey]))
  const { id: firstTenantId } = await database.tenant.findFirstOrThrow()
  const otherTenantId = newRecordId('ten')
  const createdAt = new Date()
  await database.tenant.create({
    data: { id: otherTenantId, name: 'Another', plan: 'enterprise', status: 'active', createdAt },
  })
  const standing = { tenantId: otherTenantId, mode: 'live', kind: 'tenant' }
  await database.standing.create({ data: { ...standing, ref: newClientRef() } })

  const seed: Seed = async (count, { tenantId = firstTenantId, mode = 'live', revokedAt, expiresAt } = {}) => {
    const scope = { tenantId, mode }
    const made = { createdBy: 'timing', createdAt }
    const keys = Array.from({ length: count }, () => {
      const publicId = newPublicId()
      return { publicId, ref: newClientRef(), id: newRecordId('key'), key: newStandardKey(mode, publicId) }
    })
    for (let at = 0; at < count; at += BATCH) {
      const batch = keys.slice(at, at + BATCH)
      await database.standing.createMany({ data: batch.map(({ ref }) => ({ ...scope, ref, kind: 'client' })) })
      await database.client.createMany({
        data: batch.map(({ id, publicId, ref }) => ({
          ...{ ...scope, ...made, id, publicId, ref, kind: 'standard', name: 'timing', updatedAt: createdAt },
          ...{ allScopes: true, ...(revokedAt && { revokedAt }), ...(expiresAt && { expiresAt }) },
        })),
      })
      await database.secret.createMany({
        data: batch.map(({ id, key }) => ({
          ...{ ...scope, ...made, ...digests.digest(key), id: newRecordId('sec'), clientId: id },
        })),
      })
    }
    return keys.map(({ id, key }) => ({ id, key, ...splitKey(key) }))
  }
  return { seed, otherTenantId, close: () => storage.close() }
}

/** Another secret for the same client_id, with the right checksum: only the store can say that it is wrong. */
export const wrongSecretOf = ({ clientId }: Pick<SeededKey, 'clientId'>): string =>
  splitKey(newStandardKey('live', clientId.slice('tk_'.length))).clientSecret

/** Nobody's, of the right form. */
export const unknownKey = (): Pick<SeededKey, 'clientId' | 'clientSecret'> =>
  splitKey(newStandardKey('live', newPublicId()))

export const unknownToken = (mode: Mode): string => newAccessToken(mode, newClientRef())

/** Of the same client as `token`, and not it. */
export const siblingOf = (token: string): string => newAccessToken('live', token.slice('kc_live_'.length).slice(0, 8))
