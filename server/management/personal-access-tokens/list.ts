import { z } from 'zod'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { ownedBy, personalAccessToken, viewOfPersonalAccessToken } from './view.ts'

export const listPersonalAccessTokens = operation({
  summary: 'List your personal access tokens',
  method: 'GET',
  path: '/v1/personal-access-tokens',
  only: 'people',
  requires: 'personal-access-tokens:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  answer: listAnswer(personalAccessToken),
  async handle({ caller, query }, { database, clock }) {
    const { where, ...page } = pageOf(query)
    const rows = await database.client.findMany({
      where: { ...where, ...ownedBy(caller.person) },
      include: { secrets: true },
      ...page,
    })
    return listOf(rows, query, viewOfPersonalAccessToken(clock.now()))
  },
})
