import { type ProviderRow, providerOf } from '../../workload-identity/records.ts'

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
