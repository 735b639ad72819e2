import { z } from 'zod'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { viewOfWebhook, webhook } from './view.ts'

export const listWebhooks = operation({
  summary: 'List the webhooks',
  method: 'GET',
  path: '/v1/webhooks',
  requires: 'webhooks:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  answer: listAnswer(webhook),
  async handle({ query }, { database }) {
    return listOf(await database.webhook.findMany(pageOf(query)), query, viewOfWebhook)
  },
})
