import type { JSONWebKeySet } from 'jose'
import { Prisma } from '../storage/database.ts'
import type { ScopedTransaction } from '../tenancy/scoped-database.ts'
import type { Condition, IssuerKeysSource, Platform, WorkloadBinding, WorkloadProvider } from './model.ts'

export type ProviderRow = Awaited<ReturnType<ScopedTransaction['workloadProvider']['findFirstOrThrow']>>
export type BindingRow = Awaited<ReturnType<ScopedTransaction['workloadBinding']['findFirstOrThrow']>>

/** From the tables' words to the domain's. */
export const providerOf = (row: ProviderRow): WorkloadProvider => ({
  id: row.id,
  tenantId: row.tenantId,
  platform: row.platform as Platform,
  name: row.name,
  issuer: row.issuer,
  audiences: row.audiences,
  keys: keysOf(row),
  singleUse: row.singleUse,
  disabled: row.disabledAt !== null,
})

function keysOf({ jwks, jwksUri }: ProviderRow): IssuerKeysSource {
  if (jwks) return { by: 'uploaded', jwks: jwks as unknown as JSONWebKeySet }
  return jwksUri === null ? { by: 'discovery' } : { by: 'jwks_uri', uri: jwksUri }
}

/** @param epoch of its standing. */
export const bindingOf = (row: BindingRow & { readonly provider: ProviderRow }, epoch: number): WorkloadBinding => ({
  id: row.id,
  ref: row.ref,
  epoch,
  provider: providerOf(row.provider),
  conditions: conditionsOf(row),
  scopes: row.allScopes ? 'all' : row.scopes,
  tokenValidity: row.tokenValidity ?? undefined,
  disabled: row.disabledAt !== null,
})

export const conditionsOf = ({ conditions }: Pick<BindingRow, 'conditions'>): readonly Condition[] =>
  conditions as unknown as Condition[]

export const keysColumns = (keys: IssuerKeysSource) => ({
  jwksUri: keys.by === 'jwks_uri' ? keys.uri : null,
  jwks: keys.by === 'uploaded' ? ({ keys: keys.jwks.keys } as unknown as Prisma.InputJsonObject) : Prisma.DbNull,
})

export const conditionsColumn = (conditions: readonly Condition[]) => conditions as unknown as Prisma.InputJsonArray
