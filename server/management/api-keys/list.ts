import { z } from 'zod'
import { KEY_KINDS } from '../../credentials/keys.ts'
import { cursorAndLimit } from '../fields.ts'
import { operation } from '../operation.ts'
import { listOf, pageOf } from '../page.ts'
import { viewOfKey } from './view.ts'

export const listApiKeys = operation({
  method: 'GET',
  path: '/v1/api-keys',
  requires: 'api-keys:read',
  status: 200,
  query: z.strictObject(cursorAndLimit),
  async handle({ query }, { database, clock }) {
    const { where, ...page } = pageOf(query)
    const rows = await database.client.findMany({
      where: { ...where, kind: { in: [...KEY_KINDS] } },
      include: { app: true },
      ...page,
    })
    return listOf(rows, query, viewOfKey(clock.now()))
  },
})
