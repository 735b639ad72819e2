import { z } from 'zod'
import { containing } from '../../storage/ilike.ts'
import { cursorAndLimit, searched } from '../fields.ts'
import { operation } from '../operation.ts'
import { listAnswer, listOf, pageOf } from '../page.ts'
import { beginningLike, withStatus } from '../search.ts'
import { findServiceUser } from '../service-users/find.ts'
import { STATUSES } from '../status.ts'
import { serviceToken, viewOfServiceToken } from './view.ts'

export const listServiceTokens = operation({
  summary: "List a service user's tokens",
  explanation: 'Revoked ones too. `search` finds a part of the name, or the begin of the prefix hint.',
  method: 'GET',
  path: '/v1/service-users/:id/tokens',
  requires: 'service-users:read',
  status: 200,
  query: z.strictObject({ ...cursorAndLimit, search: searched.optional(), status: z.enum(STATUSES).optional() }),
  answer: listAnswer(serviceToken),
  async handle({ id, query }, { database, clock }) {
    await findServiceUser(database, id)
    const { search, status } = query
    const now = clock.now()
    const { where, ...page } = pageOf(query)
    const rows = await database.secret.findMany({
      where: {
        clientId: id,
        AND: [
          where,
          search === undefined ? {} : matching(search),
          status === undefined ? {} : withStatus(status, new Date(now)),
        ],
      },
      ...page,
    })
    return listOf(rows, query, viewOfServiceToken(now))
  },
})

/** Whoever pastes a hint, or the begin of a token, finds the token. */
const matching = (search: string) => ({
  OR: [{ name: containing(search) }, ...beginningLike(search, /^st_(?:(?:live|test)_)?/)],
})
