import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { viewOfWebhook, webhook } from './view.ts'

export const getWebhook = operation({
  summary: 'Get a webhook',
  method: 'GET',
  path: '/v1/webhooks/:id',
  requires: 'webhooks:read',
  status: 200,
  answer: webhook,
  async handle({ id }, { database }) {
    const row = await database.webhook.findFirst({ where: { id } })
    if (!row) throw new ApiError('not_found')
    return viewOfWebhook(row)
  },
})
