import { ApiError } from '../../http/problem.ts'
import { sendTest } from '../../webhooks/messages.ts'
import { operation } from '../operation.ts'
import { viewOfMessage, webhookMessage } from './view.ts'

export const testWebhook = operation({
  summary: 'Send a webhook a test message',
  explanation: 'An event `webhook.test`, within seconds, signed as all are. What came of it is among its messages.',
  method: 'POST',
  path: '/v1/webhooks/:id/test',
  requires: 'webhooks:write',
  status: 202,
  answer: webhookMessage,
  async handle({ id }, { scope, change, clock }) {
    const sent = await change((transaction) => sendTest(transaction, scope, id, new Date(clock.now())))
    if (!sent) throw new ApiError('not_found')
    if (sent === 'disabled') throw new ApiError('conflict', { detail: 'it is disabled' })
    return viewOfMessage(sent)
  },
})
