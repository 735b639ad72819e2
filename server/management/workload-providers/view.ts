import { z } from 'zod'
import { PLATFORMS } from '../../workload-identity/model.ts'
import { type ProviderRow, providerOf } from '../../workload-identity/records.ts'

const time = z.iso.datetime()

export const providerAnswer = z
  .strictObject({
    id: z.string(),
    platform: z.enum(PLATFORMS),
    name: z.string(),
    issuer: z.string(),
    audiences: z.array(z.string()).meta({ description: 'what its tokens must be meant for: any one of them' }),
    jwks_uri: z.string().nullable().meta({ description: 'null: by discovery, or uploaded' }),
    jwks: z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())) }).nullable(),
    single_use: z.boolean().meta({ description: 'whether a token is taken once only' }),
    disabled: z.boolean(),
    created_at: time,
    created_by: z.string(),
    updated_at: time,
  })
  .meta({ id: 'WorkloadProvider' })

/** @param issuer ours: what its tokens must be meant for where it says nothing else. */
export const viewOfProvider = (issuer: string) => (row: ProviderRow) => {
  const { platform, audiences, keys, disabled } = providerOf(row)
  return {
    id: row.id,
    platform,
    name: row.name,
    issuer: row.issuer,
    audiences: audiences.length ? audiences : [issuer],
    jwks_uri: keys.by === 'jwks_uri' ? keys.uri : null,
    jwks: keys.by === 'uploaded' ? keys.jwks : null,
    single_use: row.singleUse,
    disabled,
    created_at: row.createdAt,
    created_by: row.createdBy,
    updated_at: row.updatedAt,
  }
}
