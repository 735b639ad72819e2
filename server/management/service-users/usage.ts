import { operation } from '../operation.ts'
import { USAGE_EXPLANATION, usageAnswer, usageOf, usageQuery } from '../usage.ts'
import { findServiceUser } from './find.ts'

export const getServiceUserUsage = operation({
  summary: "How often a service user's tokens were used",
  explanation: `All of its service tokens together. ${USAGE_EXPLANATION}`,
  method: 'GET',
  path: '/v1/service-users/:id/usage',
  requires: 'service-users:read',
  status: 200,
  query: usageQuery,
  answer: usageAnswer,
  async handle({ id, query }, needs) {
    await findServiceUser(needs.database, id)
    return usageOf(id, query, needs)
  },
})
