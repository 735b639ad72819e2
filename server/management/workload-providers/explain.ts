import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { explain } from '../../workload-identity/explanation.ts'
import { providerOf } from '../../workload-identity/records.ts'
import { operation } from '../operation.ts'
import { explanationAnswer, viewOfExplanation } from './explanation-view.ts'

/** What would become of a platform's token, and why. It isn't used up by it, and is kept nowhere. */
export const explainOperation = operation({
  summary: 'Explain what would become of a workload’s token',
  explanation:
    'Which binding would take it, or which check it fails. The token isn’t used up by it, and is kept nowhere.',
  method: 'POST',
  path: '/v1/workload-providers/:id/explain',
  requires: 'workload-providers:read',
  status: 200,
  body: z.strictObject({
    subject_token: z.string().min(1, 'at least one character').max(20_000, 'at most 20000 characters'),
  }),
  answer: explanationAnswer,
  async handle({ id, body }, { database, workloads }) {
    const row = await database.workloadProvider.findFirst({ where: { id } })
    if (!row) throw new ApiError('not_found')
    const bindings = await database.workloadBinding.findMany({
      where: { providerId: id },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    })
    const token = body.subject_token.trim()
    const provider = providerOf(row)
    const verdict = await workloads.verify(token, provider)
    return viewOfExplanation(explain(token, provider, verdict, bindings))
  },
})
