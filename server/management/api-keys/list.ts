import { z } from 'zod'
import { KEY_KINDS, WITH_SECRETS } from '../../credentials/keys.ts'
import { containing } from '../../storage/ilike.ts'
import { cursorAndLimit, searched } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { beginningLike, withStatus } from '../search.ts'
import { STATUSES } from '../status.ts'
import { apiKey, viewOfKey } from './view.ts'

export const listApiKeys = operation({
  summary: 'List keys',
  explanation:
    'Revoked ones too. `search` finds a part of the name or the description in any case, the begin of a client_id, or a whole tag; ' +
    '`tag` finds those that have it.',
  method: 'GET',
  path: '/v1/api-keys',
  requires: 'api-keys:read',
  status: 200,
  query: z.strictObject({
    ...cursorAndLimit,
    search: searched.optional(),
    kind: z.enum(KEY_KINDS).optional(),
    status: z.enum(STATUSES).optional(),
    tag: searched.optional(),
  }),
  answer: listAnswer(apiKey),
  async handle({ query }, { database, clock }) {
    const { search, kind, status, tag } = query
    const now = clock.now()
    const { where, ...page } = pageOf(query)
    const rows = await database.client.findMany({
      where: {
        kind: kind ?? { in: [...KEY_KINDS] },
        ...(tag !== undefined && { tags: { has: tag } }),
        AND: [
          where,
          search === undefined ? {} : matching(search),
          status === undefined ? {} : withStatus(status, new Date(now)),
        ],
      },
      include: WITH_SECRETS,
      ...page,
    })
    return listOf(rows, query, viewOfKey(now))
  },
})

/** Whoever pastes a client_id, or the begin of a key, finds the key. */
const matching = (search: string) => ({
  OR: [
    { name: containing(search) },
    { description: containing(search) },
    { tags: { has: search } },
    ...beginningLike(search, /^(?:(?:tk|pk)_(?:(?:live|test)_)?|AKE)/),
  ],
})
