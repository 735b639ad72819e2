import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { appAnswer, viewOfApp } from './view.ts'

export const getApp = operation({
  summary: 'Get an app',
  method: 'GET',
  path: '/v1/apps/:id',
  requires: 'apps:read',
  status: 200,
  answer: appAnswer,
  async handle({ id }, { database }) {
    const row = await database.client.findFirst({ where: { id, kind: 'app' }, include: { app: true } })
    if (!row) throw new ApiError('not_found')
    return viewOfApp(row)
  },
})
