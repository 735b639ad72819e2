import { z } from 'zod'
import type { ApiClientRow } from '../../credentials/api-clients.ts'
import { ApiError } from '../../http/problem.ts'
import type { Prisma } from '../../storage/database.ts'
import { clientId, permission } from './fields.ts'

type Where = Prisma.ApiClientWhereInput
type Order = Prisma.ApiClientOrderByWithRelationInput
type Direction = 'asc' | 'desc'

/** A column that a list can be sorted by, and what comes after a row in it. Ids break ties. */
interface Column {
  readonly value: z.ZodType
  valueOf(row: ApiClientRow): unknown
  order(direction: Direction): Order
  beyond(value: never, than: 'gt' | 'lt'): Where
  same(value: never): Where
}

/** PostgreSQL knows no later time; and no greater number, where one is meant. */
const LATEST = 253_402_300_799_999
const GREATEST = 2_147_483_647

const COLUMNS = {
  client_id: {
    value: clientId,
    valueOf: ({ clientId }) => clientId,
    order: (clientId) => ({ clientId }),
    beyond: (clientId: string, than) => ({ clientId: { [than]: clientId } }),
    same: (clientId: string) => ({ clientId }),
  },
  token_validity: {
    value: z.int().min(0).max(GREATEST),
    valueOf: ({ client }) => client.tokenValidity,
    order: (tokenValidity) => ({ client: { tokenValidity } }),
    beyond: (tokenValidity: number, than) => ({ client: { tokenValidity: { [than]: tokenValidity } } }),
    same: (tokenValidity: number) => ({ client: { tokenValidity } }),
  },
  // Who is active has a slot, and all others come after them.
  status: {
    value: z.int().min(1).max(5).nullable(),
    valueOf: ({ slot }) => slot,
    order: (sort) => ({ slot: { sort, nulls: sort === 'asc' ? 'last' : 'first' } }),
    beyond: (slot: number | null, than) =>
      slot === null
        ? { slot: than === 'gt' ? { in: [] } : { not: null } }
        : { OR: [{ slot: { [than]: slot } }, ...(than === 'gt' ? [{ slot: null }] : [])] },
    same: (slot: number | null) => ({ slot }),
  },
  permission: {
    value: permission,
    valueOf: ({ permission }) => permission,
    order: (permission) => ({ permission }),
    beyond: (permission: string, than) => ({ permission: { [than]: permission } }),
    same: (permission: string) => ({ permission }),
  },
  updated_at: {
    value: z.int().min(0).max(LATEST),
    valueOf: ({ client }) => client.updatedAt.getTime(),
    order: (updatedAt) => ({ client: { updatedAt } }),
    beyond: (time: number, than) => ({ client: { updatedAt: { [than]: new Date(time) } } }),
    same: (time: number) => ({ client: { updatedAt: new Date(time) } }),
  },
} satisfies Record<string, Column>

const NAMES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]

/** Ascending, or with `-` descending. */
export const sort = z.enum(NAMES.flatMap((name) => [name, `-${name}` as const]))

export type Sort = z.output<typeof sort>

const columnOf = (sorted: Sort) => {
  const column = COLUMNS[sorted.replace(/^-/, '') as keyof typeof COLUMNS] as Column
  return { column, direction: sorted.startsWith('-') ? ('desc' as const) : ('asc' as const) }
}

export function orderOf(sorted: Sort): Order[] {
  const { column, direction } = columnOf(sorted)
  return [column.order(direction), { id: direction }]
}

/** A cursor is of the list that it came with: of another order it would skip some and repeat others. */
export const cursorAfter = (row: ApiClientRow, sorted: Sort): string =>
  Buffer.from(JSON.stringify([sorted, columnOf(sorted).column.valueOf(row), row.id])).toString('base64url')

/** What comes after it. @throws {ApiError} validation_failed */
export function afterCursor(cursor: string | undefined, sorted: Sort): Where {
  if (cursor === undefined) return {}
  const { column, direction } = columnOf(sorted)
  const parsed = z
    .tuple([z.literal(sorted), column.value, z.string().regex(/^client_[a-z2-7]+$/)])
    .safeParse(read(cursor))
  if (!parsed.success) {
    const detail = 'the next_cursor of a list with the same sort'
    throw new ApiError('validation_failed', { fields: [{ pointer: '?cursor', detail }] })
  }
  const [, value, id] = parsed.data
  const than = direction === 'asc' ? 'gt' : 'lt'
  return {
    OR: [column.beyond(value as never, than), { AND: [column.same(value as never), { id: { [than]: id } }] }],
  }
}

function read(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return undefined
  }
}
