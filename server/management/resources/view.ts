import { z } from 'zod'
import type { ResourceRow } from '../../tenancy/resources.ts'
import type { Resource } from '../../tenancy/tenant.ts'

const members = {
  identifier: z.string().meta({ description: 'the URI by which tokens for it are asked for (RFC 8707)' }),
  name: z.string(),
  scopes: z.array(z.string()),
  deprecated_scopes: z.array(z.string()).meta({ description: 'no new token gets one' }),
  token_validity: z.int().nullable().meta({ description: 'seconds; null: the default' }),
}

export const RESOURCE_STATUSES = ['active', 'deprecated'] as const

export const resource = z
  .strictObject({
    id: z.string(),
    ...members,
    status: z.enum(RESOURCE_STATUSES),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    deprecated_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Resource' })

export const viewOfResource = (row: ResourceRow) => ({
  id: row.id,
  identifier: row.identifier,
  name: row.name,
  scopes: row.scopes,
  deprecated_scopes: row.deprecatedScopes,
  token_validity: row.tokenValidity,
  status: row.deprecatedAt ? 'deprecated' : 'active',
  created_at: row.createdAt,
  updated_at: row.updatedAt,
  deprecated_at: row.deprecatedAt,
})

export const defaultResource = z
  .strictObject({
    id: z.literal('default'),
    ...members,
    built_in_scopes: z.array(z.string()).meta({ description: 'those of its scopes that every tenant has' }),
    updated_at: z.iso.datetime().nullable().meta({ description: 'null: it is as it came' }),
  })
  .meta({ id: 'DefaultResource', description: 'The management API, which tokens are for that name no resource.' })

export const viewOfDefaultResource = (
  { identifier, name, scopes, tokenValidity }: Resource,
  builtIn: readonly string[],
  row: ResourceRow | null,
) => ({
  ...{ id: 'default', identifier, name, scopes },
  deprecated_scopes: row?.deprecatedScopes ?? [],
  token_validity: tokenValidity ?? null,
  built_in_scopes: builtIn,
  updated_at: row?.updatedAt ?? null,
})
