import { z } from 'zod'
import { rotateAppSecret } from '../../credentials/app-secrets.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { findLiveApp, refuseStrongerApp } from './find.ts'
import { appWithSecret, viewOfApp } from './view.ts'

const WEEK = 7 * 86_400

/** A new secret for the same app. The one before dies at once, or after an overlap in which both work. */
export const rotateAppSecretOperation = operation({
  summary: 'Give an app a new secret',
  explanation: 'The one before dies at once, or after an overlap in which both work. The new one is shown this once.',
  method: 'POST',
  path: '/v1/apps/:id/rotate-secret',
  requires: 'apps:write',
  status: 200,
  body: z.strictObject({
    overlap_seconds: z.int('a whole number of seconds').min(0, 'at least 0').max(WEEK, `at most ${WEEK}`).default(0),
  }),
  answer: appWithSecret,
  async handle({ caller, id, body: { overlap_seconds: overlap } }, { scope, database, change, digests, clock }) {
    const now = clock.now()
    const overlapUntil = overlap ? new Date(now + overlap * 1000) : undefined
    const rotation = { id, overlapUntil, createdBy: caller.actor.id }
    const rotated = await change(async (transaction) => {
      refuseStrongerApp(caller, await findLiveApp(id, transaction))
      return rotateAppSecret(transaction, scope, digests, rotation, new Date(now))
    })
    if (!rotated) throw new ApiError('conflict', { detail: 'a public app, or one with a jwks, has no secret' })
    const row = await database.client.findFirstOrThrow({ where: { id }, include: { app: true } })
    return { ...viewOfApp(row), client_secret: rotated.clientSecret }
  },
})
