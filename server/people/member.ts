import type { Database } from '../storage/database.ts'
import { literally } from '../storage/ilike.ts'
import type { ScopedTransaction } from '../tenancy/scoped-database.ts'
import type { MemberRole } from '../tenancy/scopes.ts'

/** A person of a tenant. */
export interface Member {
  readonly id: string
  readonly tenantId: string
  readonly email: string
  readonly role: MemberRole
  readonly requirePasskey: boolean
}

/** A person as a sign-in needs them: the hash never goes further. */
export interface MemberWithPassword extends Member {
  /** argon2id, in PHC form. */
  readonly passwordHash: string
}

export interface Members {
  find(id: string): Promise<Member | undefined>
  /** By what they type; `tenantId` where an app says which. Several: the same address in several tenants. */
  withEmail(email: string, tenantId: string | undefined): Promise<MemberWithPassword[]>
}

type MemberRow = Awaited<ReturnType<Database['member']['findFirstOrThrow']>>

const byAddress = (email: string) => ({ equals: literally(email.trim()), mode: 'insensitive' as const })

/** Whoever of the tenant has this address, however it is spelled. */
export async function withAddress(
  { member }: Pick<ScopedTransaction, 'member'>,
  email: string,
): Promise<MemberRow | undefined> {
  const rows = await member.findMany({ where: { email: byAddress(email) } })
  return rows.find((row) => foldedAddress(row.email) === foldedAddress(email))
}

export const createMembers = ({ database }: { database: Pick<Database, 'member'> }): Members => ({
  async find(id) {
    const row = await database.member.findUnique({ where: { id } })
    return row ? toMember(row) : undefined
  },
  async withEmail(email, tenantId) {
    const rows = await database.member.findMany({
      where: {
        email: byAddress(email),
        ...(tenantId !== undefined && { tenantId }),
      },
    })
    const typed = foldedAddress(email)
    const those = rows.filter((row) => foldedAddress(row.email) === typed)
    return those.map((row) => ({ ...toMember(row), passwordHash: row.passwordHash }))
  },
})

/**
 * An address as it is compared, and as wrong passwords for it are counted: the database may take more letters for the same
 * (U+0130 for `i`), and a guesser would get another count with each.
 */
export const foldedAddress = (email: string): string => email.trim().toLowerCase()

const toMember = ({ id, tenantId, email, role, requirePasskey }: MemberRow): Member => ({
  ...{ id, tenantId, email, requirePasskey },
  role: role as MemberRole,
})
