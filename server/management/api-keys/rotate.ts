import { z } from 'zod'
import { endOverlap, rotateKey } from '../../credentials/key-rotation.ts'
import { type Key, scopesOfKey } from '../../credentials/keys.ts'
import { ApiError } from '../../http/problem.ts'
import type { Caller } from '../caller.ts'
import { operation } from '../operation.ts'
import { refuseMorePower } from '../power.ts'
import { statusOf } from '../status.ts'
import { apiKey, apiKeyWithSecret, viewOfKey, viewOfNewKey } from './view.ts'

const WEEK = 7 * 86_400

export const rotateApiKey = operation({
  summary: 'Give a key a new secret',
  explanation:
    'Shown this once; the client_id stays. With `overlap_seconds` the secret before is good until then, and so are the tokens that were ' +
    'minted so far: two are good at once at most, so one from before the last rotation ends now. Without an overlap the secret before is ' +
    'dead at the next request on every node, with all tokens that were minted so far. Whoever gets the new secret can be the key: they ' +
    'must hold all that it holds.',
  method: 'POST',
  path: '/v1/api-keys/:id/rotate',
  requires: 'api-keys:write',
  status: 200,
  body: z.strictObject({
    overlap_seconds: z.int('a whole number of seconds').min(0, 'at least 0').max(WEEK, `at most ${WEEK}`).default(0),
  }),
  answer: apiKeyWithSecret,
  async handle({ caller, id, body: { overlap_seconds: overlap } }, { scope, change, digests, clock }) {
    const now = clock.now()
    const rotation = {
      ...{ id, createdBy: caller.actor.id },
      overlapUntil: overlap ? new Date(now + overlap * 1000) : undefined,
      check: (before: Key) => refuseRotation(before, caller, now),
    }
    const rotated = await change((transaction) => rotateKey(transaction, scope, digests, rotation, new Date(now)))
    if (!rotated) throw new ApiError('not_found')
    return viewOfNewKey(now, rotated.row, rotated.apiKey)
  },
})

/** @throws {ApiError} conflict, insufficient_scope */
function refuseRotation(before: Key, caller: Caller, now: number): void {
  if (before.kind === 'public') throw new ApiError('conflict', { detail: 'a public key has no secret' })
  const status = statusOf(before, now)
  if (status !== 'active') throw new ApiError('conflict', { detail: `the key is ${status}: create another` })
  refuseMorePower(caller, scopesOfKey(before))
}

export const endKeyOverlap = operation({
  summary: "End a rotation's overlap now",
  explanation:
    'The secret before the last rotation is dead at the next request on every node, with all tokens that the key minted so far. Where none is ' +
    'left, nothing changes.',
  method: 'POST',
  path: '/v1/api-keys/:id/end-overlap',
  requires: 'api-keys:write',
  status: 200,
  answer: apiKey,
  async handle({ id }, { change, clock }) {
    const now = clock.now()
    const row = await change((transaction) => endOverlap(transaction, id, new Date(now)))
    if (!row) throw new ApiError('not_found')
    return viewOfKey(now)(row)
  },
})
