import type { Outcome } from '../audit/change.ts'
import type { ScopedTransaction } from '../tenancy/scoped-database.ts'
import type { Client } from './client.ts'
import { changedColumns, clientColumns } from './client-columns.ts'
import { findKey, type Key, scopesOfKey } from './keys.ts'

/** What isn't there stays as it is. */
export interface KeyChanges {
  readonly name?: string
  readonly description?: string | null
  readonly tags?: string[]
  readonly scopes?: Client['scopes']
  readonly tokenValidity?: number | null
  readonly requireDpop?: boolean
  readonly expiresAt?: Date | null
}

/**
 * What was minted from it dies where the key may no more what it might: what was minted holds what it held.
 * @param decide says what to change, of what is there while nobody else changes it. What it throws undoes all.
 * @returns undefined if there is no such key
 */
export async function updateKey(
  transaction: ScopedTransaction,
  id: string,
  decide: (before: Key) => KeyChanges,
  now: Date,
): Promise<Outcome<Key | undefined>> {
  const before = await findKey(transaction, id)
  if (!before) return { result: undefined, events: [] }
  const columns = clientColumns(decide(before))
  const changed = changedColumns(before, columns)
  if (!changed.length) return { result: before, events: [], moved: [{ ref: before.ref, kill: false }] }
  const row = await transaction.client.update({ where: { id }, data: { ...columns, updatedAt: now } })
  const after = { ...before, ...row }
  const event = { action: 'api_key.changed', target: { type: 'api_key', id }, details: { name: after.name, changed } }
  return { result: after, events: [event], moved: [{ ref: before.ref, kill: mayLess(before, after) }] }
}

type Power = Pick<Key, 'allScopes' | 'scopes' | 'requireDpop' | 'expiresAt'>

const mayLess = (before: Power, after: Power): boolean =>
  losesScopes(before, after) || (after.requireDpop && !before.requireDpop) || endOf(after) < endOf(before)

function losesScopes(before: Power, after: Power): boolean {
  const now = scopesOfKey(after)
  return now !== 'all' && (before.allScopes || before.scopes.some((scope) => !now.includes(scope)))
}

const endOf = ({ expiresAt }: Power): number => expiresAt?.getTime() ?? Number.POSITIVE_INFINITY
