import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { ownedBy, personalAccessToken, viewOfPersonalAccessToken } from './view.ts'

export const getPersonalAccessToken = operation({
  summary: 'Get one of your personal access tokens',
  method: 'GET',
  path: '/v1/personal-access-tokens/:id',
  only: 'people',
  requires: 'personal-access-tokens:read',
  status: 200,
  answer: personalAccessToken,
  async handle({ caller, id }, { database, clock }) {
    const row = await database.client.findFirst({
      where: { id, ...ownedBy(caller.person) },
      include: { secrets: true },
    })
    if (!row) throw new ApiError('not_found')
    return viewOfPersonalAccessToken(clock.now())(row)
  },
})
