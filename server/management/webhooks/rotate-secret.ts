import { ApiError } from '../../http/problem.ts'
import { rotateWebhookSecret } from '../../webhooks/webhooks.ts'
import { operation } from '../operation.ts'
import { mustReadAuditLogs } from './fields.ts'
import { viewOfWebhook, webhookWithSecret } from './view.ts'

export const rotateWebhookSecretOperation = operation({
  summary: 'Give a webhook a new secret',
  explanation: 'For 24 hours messages have two signatures, one with the new secret and one with the secret before.',
  method: 'POST',
  path: '/v1/webhooks/:id/rotate-secret',
  requires: 'webhooks:write',
  status: 200,
  answer: webhookWithSecret,
  async handle({ caller, id }, { change, clock, webhooks }) {
    mustReadAuditLogs(caller)
    const now = new Date(clock.now())
    const rotated = await change((transaction) => rotateWebhookSecret(transaction, webhooks.masterKeys, id, now))
    if (!rotated) throw new ApiError('not_found')
    return { ...viewOfWebhook(rotated.row), secret: rotated.secret }
  },
})
