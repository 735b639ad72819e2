import type { Clock } from '../clock.ts'
import type { Digests } from '../credentials/digest.ts'
import { openUnder, sealUnder } from '../credentials/sealed-under.ts'
import { ApiError } from '../http/problem.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import { type ScopedTransaction, scopeDatabase, type TenantScope } from '../tenancy/scoped-database.ts'
import type { Caller } from './caller.ts'

/** A request that its caller may send again, not knowing whether it arrived. */
export interface Repeatable {
  readonly scope: TenantScope
  readonly caller: Caller
  /** The text of the credential that came with it. */
  readonly credential: string
  readonly key: string
  /** All that makes it this request: method, path and body. */
  readonly content: string
}

export interface KeptAnswer {
  readonly status: number
  /** JSON; empty where it had no body. */
  readonly text: string
}

/** A request's place in the table: taken with what it changes, so that the one is there exactly if the other is. */
export interface Claim {
  /** @throws {ApiError} conflict, if it was taken meanwhile. */
  take(transaction: ScopedTransaction): Promise<void>
  /** Nothing was changed: nothing is to be remembered. */
  giveBack(transaction: ScopedTransaction): Promise<void>
  keep(answer: KeptAnswer): Promise<void>
}

export interface Idempotency {
  /** What was answered to it before. @throws {ApiError} if that can't be said, or the key was another request's. */
  answered(request: Repeatable): Promise<KeptAnswer | undefined>
  claim(request: Repeatable): Claim
  /** Removes at most `limit` that are too old; how many went. */
  sweep(limit: number): Promise<number>
}

const DAY = 86_400_000

/** Seconds after which an answer that was on its way is there. */
const RETRY_AFTER = 1

interface Needs {
  mode: Mode
  database: Database
  digests: Digests
  clock: Clock
}

/**
 * Answers hold secrets that are shown once. They are sealed under the caller's own credential, which isn't stored: who
 * has the table, and even every other credential of the same client, opens nothing.
 */
export function createIdempotency({ mode, database, digests, clock }: Needs): Idempotency {
  const now = () => new Date(clock.now())
  const hash = (text: string) => digests.candidates(text)

  return {
    async answered(request) {
      const row = await scopeDatabase(database, request.scope).idempotentRequest.findFirst({
        where: { digest: { in: hash(identityOf(request)) }, expiresAt: { gt: now() } },
      })
      if (!row) return undefined
      if (!hash(request.content).includes(row.requestDigest)) {
        throw new ApiError('validation_failed', { detail: 'this Idempotency-Key was used for another request' })
      }
      if (row.status === null || row.sealedAnswer === null) throw unanswered()
      return { status: row.status, text: opened(row.sealedAnswer, request) }
    },

    claim(request) {
      const [digest = ''] = hash(identityOf(request))
      const [requestDigest = ''] = hash(request.content)
      const where = { mode, digest }
      return {
        async take(transaction) {
          const createdAt = now()
          const { tenantId } = request.scope
          const row = {
            tenantId,
            mode,
            digest,
            requestDigest,
            createdAt,
            expiresAt: new Date(createdAt.getTime() + DAY),
          }
          await transaction.idempotentRequest.deleteMany({ where: { ...where, expiresAt: { lte: createdAt } } })
          // Waits for whoever is about to insert the same.
          const { count } = await transaction.idempotentRequest.createMany({ data: [row], skipDuplicates: true })
          if (!count) throw unanswered()
        },
        async giveBack(transaction) {
          await transaction.idempotentRequest.deleteMany({ where })
        },
        async keep({ status, text }) {
          const sealedAnswer = sealUnder(sealingSecretOf(request), text)
          const scoped = scopeDatabase(database, request.scope)
          await scoped.idempotentRequest.updateMany({ where, data: { status, sealedAnswer } })
        },
      }
    },

    sweep: (limit) => database.$executeRaw`
      DELETE FROM idempotent_request WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM idempotent_request WHERE mode = ${mode} AND expires_at <= ${now()}
        LIMIT ${limit} FOR UPDATE SKIP LOCKED))`,
  }
}

/** Whose key it is: a client's, or a person's who acts through one. A token is gone in an hour, its client stays. */
const identityOf = ({ caller: { client, actor }, key }: Repeatable): string =>
  JSON.stringify(['idempotency', client.ref, actor.type === 'member' ? actor.id : null, key])

const sealingSecretOf = ({ credential, key }: Repeatable): string => JSON.stringify(['idempotency', credential, key])

function opened(sealed: string, request: Repeatable): string {
  try {
    return openUnder(sealingSecretOf(request), sealed)
  } catch {
    const detail = 'it was made; what was answered opens only for the credential that was presented then'
    throw new ApiError('conflict', { detail })
  }
}

const unanswered = () =>
  new ApiError('conflict', { detail: 'the same request is under way, or was cut off', retryAfter: RETRY_AFTER })
