import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { viewOfBinding } from './view.ts'

export const getBinding = operation({
  method: 'GET',
  path: '/v1/workload-bindings/:id',
  requires: 'workload-providers:read',
  status: 200,
  async handle({ id }, { database }) {
    const row = await database.workloadBinding.findFirst({ where: { id }, include: { provider: true } })
    if (!row) throw new ApiError('not_found')
    return viewOfBinding(row, row.provider)
  },
})
