import { z } from 'zod'
import type { ScopedDatabase } from '../../tenancy/scoped-database.ts'
import { MEMBER_ROLES } from '../../tenancy/scopes.ts'

type MemberRow = Awaited<ReturnType<ScopedDatabase['member']['findFirstOrThrow']>>

export const member = z
  .strictObject({
    id: z.string(),
    email: z.string(),
    role: z.enum(MEMBER_ROLES),
    passkey_required: z.boolean().meta({ description: 'whether a passkey is asked for after the password' }),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Member' })

export const viewOfMember = ({ id, email, role, requirePasskey, createdAt }: MemberRow) => ({
  ...{ id, email, role, passkey_required: requirePasskey, created_at: createdAt },
})
