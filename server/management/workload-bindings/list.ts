import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { bindingAnswer, viewOfBinding } from './view.ts'

export const listBindings = operation({
  summary: 'List the bindings of a workload provider',
  method: 'GET',
  path: '/v1/workload-providers/:id/bindings',
  requires: 'workload-providers:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  answer: listAnswer(bindingAnswer),
  async handle({ id, query }, { database }) {
    const provider = await database.workloadProvider.findFirst({ where: { id } })
    if (!provider) throw new ApiError('not_found')
    const { where, ...page } = pageOf(query)
    const rows = await database.workloadBinding.findMany({ where: { ...where, providerId: id }, ...page })
    return listOf(rows, query, (row) => viewOfBinding(row, provider))
  },
})
