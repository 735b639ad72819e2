import { ApiError } from '../../http/problem.ts'
import { deleteWebhook } from '../../webhooks/webhooks.ts'
import { operation } from '../operation.ts'

export const deleteWebhookOperation = operation({
  summary: 'Delete a webhook',
  explanation: 'With its messages: what was not delivered yet never is.',
  method: 'DELETE',
  path: '/v1/webhooks/:id',
  requires: 'webhooks:write',
  status: 204,
  async handle({ id }, { change }) {
    if (!(await change((transaction) => deleteWebhook(transaction, id)))) throw new ApiError('not_found')
  },
})
