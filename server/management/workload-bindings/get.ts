import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { bindingAnswer, viewOfBinding } from './view.ts'

export const getBinding = operation({
  summary: 'Get a workload binding',
  method: 'GET',
  path: '/v1/workload-bindings/:id',
  requires: 'workload-providers:read',
  status: 200,
  answer: bindingAnswer,
  async handle({ id }, { database }) {
    const row = await database.workloadBinding.findFirst({ where: { id }, include: { provider: true } })
    if (!row) throw new ApiError('not_found')
    return viewOfBinding(row, row.provider)
  },
})
