import { z } from 'zod'
import { cursorAndLimit, searched } from '../fields.ts'
import { operation } from '../operation.ts'
import { listOf, pageOf } from '../page.ts'
import { viewOfApp } from './view.ts'

export const listApps = operation({
  method: 'GET',
  path: '/v1/apps',
  requires: 'apps:read',
  status: 200,
  query: z.strictObject({ ...cursorAndLimit, search: searched.optional() }),
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
  OR: [{ name: { contains: literally(search), mode: 'insensitive' as const } }, { id: search }],
})

/** `%` and `_` are what was typed, not wildcards. */
const literally = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')
