import { z } from 'zod'
import { API_CLIENT_STATUSES, WITH_CLIENT } from '../../credentials/api-clients.ts'
import { API_CLIENT_PERMISSIONS } from '../../credentials/client.ts'
import { containing } from '../../storage/ilike.ts'
import { cursorAndLimit, searched } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer } from '../page.ts'
import { afterCursor, cursorAfter, orderOf, sort } from './sort.ts'
import { apiClient, viewOfApiClient } from './view.ts'

export const listApiClients = operation({
  summary: 'List API clients',
  explanation:
    '`search` finds a part of a `client_id` in any case. `sort` is a column, with `-` before it from the greatest down; `status` begins ' +
    'with the active.',
  method: 'GET',
  path: '/v1/api-clients',
  requires: 'api-clients:read',
  status: 200,
  query: z.strictObject({
    ...cursorAndLimit,
    search: searched.optional(),
    status: z.enum(API_CLIENT_STATUSES).optional(),
    permission: z.enum(API_CLIENT_PERMISSIONS).optional(),
    sort: sort.default('-updated_at'),
  }),
  answer: listAnswer(apiClient),
  async handle({ query: { cursor, limit, search, status, permission, sort } }, { database }) {
    const rows = await database.apiClient.findMany({
      where: {
        AND: [afterCursor(cursor, sort)],
        ...(search !== undefined && { clientId: containing(search) }),
        ...(status !== undefined && { slot: status === 'active' ? { not: null } : null }),
        ...(permission !== undefined && { permission }),
      },
      include: WITH_CLIENT,
      orderBy: orderOf(sort),
      take: limit + 1,
    })
    const shown = rows.slice(0, limit)
    const last = rows.length > limit ? shown.at(-1) : undefined
    return { data: shown.map(viewOfApiClient), next_cursor: last ? cursorAfter(last, sort) : null }
  },
})
