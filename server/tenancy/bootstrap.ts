import { hash } from '@node-rs/argon2'
import { ADVISORY_LOCK } from '../../prisma/advisory-locks.ts'
import { append } from '../audit/change.ts'
import type { Clock } from '../clock.ts'
import { randomBase62 } from '../credentials/base62.ts'
import type { Digests } from '../credentials/digest.ts'
import { newClientRef, newRecordId, splitKey } from '../credentials/format.ts'
import { issueKey } from '../credentials/keys.ts'
import { MODES, type Mode } from '../mode/mode.ts'
import { type Database, inTransaction, type Transaction } from '../storage/database.ts'

/** What the first start makes, and shows this once: the contract's `bootstrap.json`. */
export interface Bootstrap {
  readonly tenant: string
  readonly owner: { readonly email: string; readonly password: string }
  readonly live: BootstrapMode
  readonly test: BootstrapMode
}

export interface BootstrapMode {
  readonly url: string
  readonly api_key: string
  readonly client_id: string
  readonly client_secret: string
}

interface Needs {
  database: Database
  digests: Digests
  clock: Clock
  urls: Record<Mode, string>
  /** Keeps the credentials where the operator finds them. Before the commit: a crash leaves no keys nobody knows. */
  keep(bootstrap: Bootstrap): Promise<void>
}

const OPERATOR = { actor: { type: 'operator' as const, id: 'bootstrap', name: 'first start' } }

/** A tenant with an owner and a full-access key in each mode, unless there is a tenant. Undefined: there was. */
export async function bootstrap(needs: Needs): Promise<Bootstrap | undefined> {
  const { database, keep } = needs
  if (await database.tenant.count()) return undefined
  const password = randomBase62(20)
  const passwordHash = await hash(password) // argon2id, 19 MiB, 2 passes: outside the transaction, it takes a while
  return inTransaction(database, async (transaction) => {
    // Of nodes that start together, one bootstraps.
    await transaction.$queryRaw`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK.bootstrap})::text`
    if (await transaction.tenant.count()) return undefined
    const made = await make(transaction, needs, { email: 'owner@localhost', password, passwordHash })
    await keep(made)
    return made
  })
}

interface Owner {
  readonly email: string
  readonly password: string
  readonly passwordHash: string
}

async function make(transaction: Transaction, needs: Needs, owner: Owner): Promise<Bootstrap> {
  const createdAt = new Date(needs.clock.now())
  const tenantId = newRecordId('ten')
  const { email, password, passwordHash } = owner
  const name = 'default'
  await transaction.tenant.create({ data: { id: tenantId, name, plan: 'enterprise', status: 'active', createdAt } })
  const member = { id: newRecordId('mem'), tenantId, email, passwordHash, role: 'owner', createdAt }
  await transaction.member.create({ data: member })
  const keys = {} as Record<Mode, BootstrapMode>
  for (const mode of MODES) keys[mode] = await makeMode(transaction, needs, { tenantId, mode }, createdAt)
  return { tenant: name, owner: { email, password }, ...keys }
}

async function makeMode(
  transaction: Transaction,
  { digests, urls }: Needs,
  scope: { tenantId: string; mode: Mode },
  now: Date,
): Promise<BootstrapMode> {
  await transaction.standing.create({ data: { ...scope, ref: newClientRef(), kind: 'tenant' } })
  const key = {
    ...{ kind: 'standard' as const, name: 'Bootstrap key', description: 'Made by the first start' },
    ...{ scopes: 'all' as const, tokenValidity: null, requireDpop: false, expiresAt: null, createdBy: 'bootstrap' },
  }
  const { result, events } = await issueKey(transaction, scope, digests, key, now)
  const tenantCreated = { action: 'tenant.created', target: { type: 'tenant', id: scope.tenantId } }
  for (const event of [tenantCreated, ...events]) await append(transaction, scope, OPERATOR, event, now)
  if (!result.apiKey) throw new Error('a standard key has a secret')
  const { clientId, clientSecret } = splitKey(result.apiKey)
  return { url: urls[scope.mode], api_key: result.apiKey, client_id: clientId, client_secret: clientSecret }
}
