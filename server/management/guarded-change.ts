import type { RequestContext } from '../http/context.ts'
import { ApiError } from '../http/problem.ts'
import type { ScopedDatabase, ScopedTransaction } from '../tenancy/scoped-database.ts'
import { entityTag, type Records, readIfMatch } from './entity-tag.ts'
import type { Claim } from './idempotency.ts'
import type { Operation, OperationNeeds, OperationRequest } from './operation.ts'

/** What a request asks of the state that it changes. */
export interface Guards {
  /** First thing in the transaction. @throws {ApiError} */
  readonly check: (transaction: ScopedTransaction, needs: OperationNeeds) => Promise<void>
  readonly claim: Claim | undefined
}

interface Guarded {
  readonly change: OperationNeeds['change']
  readonly changeTenant: OperationNeeds['change']
  /** Whether anything was changed, for good. */
  hasChanged(): boolean
}

/**
 * An operation's change, but only if the request's conditions hold in its own transaction. What an operation changes after
 * that, if it goes in steps, is a consequence of the first.
 */
export function guardChange({ check, claim }: Guards, needs: OperationNeeds): Guarded {
  let changed = false
  const guarded =
    (change: OperationNeeds['change']): OperationNeeds['change'] =>
    async (work) => {
      if (changed) return change(work)
      let events = 0
      const result = await change(async (transaction) => {
        await check(transaction, needs)
        await claim?.take(transaction)
        const outcome = await work(transaction)
        events = outcome.events.length
        if (!events) await claim?.giveBack(transaction)
        return outcome
      })
      changed = events > 0
      return result
    }
  return { hasChanged: () => changed, change: guarded(needs.change), changeTenant: guarded(needs.changeTenant) }
}

/**
 * RFC 9110 §13.1.1, without a race: the change's transaction holds the lock under which all changes of the tenant are made
 * (audit/change.ts), so what it reads of the record is what it is going to change.
 */
export function preconditionOf(
  operation: Operation,
  request: OperationRequest<unknown, unknown>,
  ctx: RequestContext,
  records: Records,
): Guards['check'] {
  const field = ctx.get('if-match')
  if (!field || operation.method === 'GET') return async () => {}
  const matches = readIfMatch(field)
  const get = records.target(operation)
  return async (transaction, needs) => {
    const database = transaction as unknown as ScopedDatabase
    const current = await get?.handle({ ...request, query: {}, body: undefined }, { ...needs, database })
    if (matches(get && entityTag(get, current))) return
    throw new ApiError('conflict', { status: 412, detail: 'it is not as If-Match says, or has no ETag: get it again' })
  }
}
