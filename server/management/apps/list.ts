import { z } from 'zod'
import { containing } from '../../storage/ilike.ts'
import { cursorAndLimit, searched } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { appAnswer, viewOfApp } from './view.ts'

export const listApps = operation({
  summary: 'List apps',
  method: 'GET',
  path: '/v1/apps',
  requires: 'apps:read',
  status: 200,
  query: z.strictObject({ ...cursorAndLimit, search: searched.optional() }),
  answer: listAnswer(appAnswer),
  async handle({ query }, { database }) {
    const { where, ...page } = pageOf(query)
    const rows = await database.client.findMany({
      where: { AND: [where, query.search === undefined ? {} : matching(query.search)], kind: 'app' },
      include: { app: true },
      ...page,
    })
    return listOf(rows, query, viewOfApp)
  },
})

/** A part of its name in any case, or its client_id. */
const matching = (search: string) => ({
  OR: [{ name: containing(search) }, { id: search }],
})
