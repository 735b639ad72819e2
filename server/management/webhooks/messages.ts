import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { viewOfMessage, webhookMessage } from './view.ts'

export const listWebhookMessages = operation({
  summary: 'List what was sent to a webhook, and what came of it',
  explanation: 'Of the last 30 days, newest first. What the receiver answered is not kept but for its status.',
  method: 'GET',
  path: '/v1/webhooks/:id/messages',
  requires: 'webhooks:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  answer: listAnswer(webhookMessage),
  async handle({ id, query }, { database }) {
    if (!(await database.webhook.findFirst({ where: { id }, select: { id: true } }))) throw new ApiError('not_found')
    const { where, ...page } = pageOf(query)
    const rows = await database.webhookMessage.findMany({ where: { ...where, webhookId: id }, ...page })
    return listOf(rows, query, viewOfMessage)
  },
})
