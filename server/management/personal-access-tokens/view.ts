import { z } from 'zod'
import { clientIdOf } from '../../credentials/client.ts'
import type { Mode } from '../../mode/mode.ts'
import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import type { CallingPerson } from '../caller.ts'
import { statusOf } from '../status.ts'

type ClientRow = Awaited<ReturnType<ScopedDatabase['client']['findFirstOrThrow']>>

/** A new one was never used. */
type PersonalAccessTokenRow = ClientRow & { readonly secrets?: readonly { readonly lastUsedAt: Date | null }[] }

/** Only its own person ever sees one: everybody else's are not there. */
export const ownedBy = (person: CallingPerson | undefined) => ({ kind: 'personal', memberId: person?.id ?? 'nobody' })

export const personalAccessToken = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    prefix_hint: z.string().meta({ description: 'finds it in a configuration; no part of its secret' }),
    status: z.enum(['active', 'expired', 'revoked']),
    scopes: z.array(z.string()).nullable().meta({ description: 'null: whatever the person has, now and later' }),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable(),
    revoked_at: z.iso.datetime().nullable(),
    last_used_at: z.iso.datetime().nullable().meta({ description: 'to the minute' }),
  })
  .meta({ id: 'PersonalAccessToken' })

export const viewOfPersonalAccessToken = (now: number) => (row: PersonalAccessTokenRow) => ({
  id: row.id,
  name: row.name,
  prefix_hint: clientIdOf('personal', row.publicId, row.mode as Mode),
  status: statusOf(row, now),
  scopes: row.allScopes ? null : row.scopes,
  created_at: row.createdAt,
  expires_at: row.expiresAt,
  revoked_at: row.revokedAt,
  last_used_at: row.secrets?.[0]?.lastUsedAt ?? null,
})
