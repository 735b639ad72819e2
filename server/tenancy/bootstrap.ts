import { hash } from '@node-rs/argon2'
import { ADVISORY_LOCK } from '../../prisma/advisory-locks.ts'
import type { Append } from '../audit/append.ts'
import type { Clock } from '../clock.ts'
import { randomBase62 } from '../credentials/base62.ts'
import type { Digests } from '../credentials/digest.ts'
import { newRecordId } from '../credentials/format.ts'
import type { Mode } from '../mode/mode.ts'
import { type Database, inTransaction } from '../storage/database.ts'
import { type CreatedKey, createTenant } from './create-tenant.ts'

/** What the first start makes, and shows this once: the contract's `bootstrap.json`. */
export interface Bootstrap {
  readonly tenant: string
  readonly owner: { readonly email: string; readonly password: string }
  readonly live: BootstrapMode
  readonly test: BootstrapMode
}

export interface BootstrapMode extends CreatedKey {
  readonly url: string
}

interface Needs {
  database: Database
  digests: Digests
  clock: Clock
  append: Append
  urls: Record<Mode, string>
  /** Keeps the credentials where the operator finds them. Before the commit: a crash leaves no keys nobody knows. */
  keep(bootstrap: Bootstrap): Promise<void>
}

const KEY = { name: 'Bootstrap key', description: 'Made by the first start' }
const ORIGIN = { actor: { type: 'operator' as const, id: 'bootstrap', name: 'first start' } }

/** A tenant with an owner and a full-access key in each mode, unless there is a tenant. Undefined: there was. */
export async function bootstrap(needs: Needs): Promise<Bootstrap | undefined> {
  const { database, urls, keep } = needs
  if (await database.tenant.count()) return undefined
  const password = randomBase62(20)
  const passwordHash = await hash(password) // argon2id, 19 MiB, 2 passes: outside the transaction, it takes a while
  return inTransaction(database, async (transaction) => {
    // Of nodes that start together, one bootstraps.
    await transaction.$queryRaw`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK.bootstrap})::text`
    if (await transaction.tenant.count()) return undefined
    const tenant = { id: newRecordId('ten'), name: 'default', plan: 'enterprise' as const, origin: ORIGIN, key: KEY }
    const keys = await createTenant(transaction, needs, tenant)
    const owner = { id: newRecordId('mem'), tenantId: tenant.id, email: 'owner@localhost', passwordHash, role: 'owner' }
    await transaction.member.create({ data: { ...owner, createdAt: new Date(needs.clock.now()) } })
    const made = {
      tenant: tenant.name,
      owner: { email: owner.email, password },
      live: { url: urls.live, ...keys.live },
      test: { url: urls.test, ...keys.test },
    }
    await keep(made)
    return made
  })
}
