import { MODES, type Mode } from '../mode/mode.ts'
import { INVITATION_LIFETIME, linkEvent, makeLink } from '../people/invitation.ts'
import { type Database, inTransaction } from '../storage/database.ts'
import { type CreatedKey, createTenant, type NewTenant } from './create-tenant.ts'
import { scopeDatabase } from './scoped-database.ts'

/** What exists this once outside of its holder. */
export interface InvitedTenant {
  readonly keys: Record<Mode, CreatedKey>
  /** Of the link by which its owner joins. */
  readonly linkToken: string
}

interface Needs extends Pick<Parameters<typeof createTenant>[1], 'digests' | 'clock' | 'append'> {
  database: Database
  /** Keeps it where the operator finds it. Before the commit: a crash leaves no keys nobody knows. */
  keep(made: InvitedTenant): Promise<void>
}

/** A tenant whose owner is invited: nobody but they will know their password. */
export async function createInvitedTenant(needs: Needs, owner: string, tenant: NewTenant): Promise<InvitedTenant> {
  const { database, digests, clock, append, keep } = needs
  const whole = { tenantId: tenant.id }
  return inTransaction(scopeDatabase(database, whole), async (transaction) => {
    const keys = await createTenant(transaction, needs, tenant)
    const now = new Date(clock.now())
    const expiresAt = new Date(now.getTime() + INVITATION_LIFETIME)
    const invitation = { email: owner, role: 'owner' as const, createdBy: tenant.origin.actor.id, expiresAt }
    const { row, token } = await makeLink(transaction, tenant.id, digests, invitation, now)
    const event = linkEvent('invitation.created', row)
    for (const mode of MODES) await append(transaction, { ...whole, mode }, tenant.origin, event, now)
    const made = { keys, linkToken: token }
    await keep(made)
    return made
  })
}
