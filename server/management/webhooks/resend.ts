import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { resendMessages } from '../../webhooks/messages.ts'
import { operation } from '../operation.ts'

export const resendWebhookMessages = operation({
  summary: 'Send messages of a webhook again',
  explanation:
    'The one that `message_id` names, whatever came of it; without it, all that were given up. Under the same `webhook-id`, ' +
    'by which the receiver knows what it has got already.',
  method: 'POST',
  path: '/v1/webhooks/:id/resend',
  requires: 'webhooks:write',
  status: 202,
  body: z.strictObject({ message_id: z.string().max(40).optional() }),
  answer: z.strictObject({ resent: z.int() }),
  async handle({ id, body }, { change, clock }) {
    const now = new Date(clock.now())
    const resent = await change((transaction) => resendMessages(transaction, id, body.message_id, now))
    if (resent === undefined) throw new ApiError('not_found')
    if (resent === 0 && body.message_id !== undefined) {
      const detail = 'the id of a message of this webhook'
      throw new ApiError('validation_failed', { fields: [{ pointer: '/message_id', detail }] })
    }
    return { resent }
  },
})
