import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ApiClientRow } from '../../server/credentials/api-clients.ts'
import { ApiError } from '../../server/http/problem.ts'
import { afterCursor, cursorAfter, orderOf, type Sort, sort } from '../../server/management/api-clients/sort.ts'
import { listOf, pageOf } from '../../server/management/page.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const encoded = (text: string) => Buffer.from(text).toString('base64url')
const id = fc.string({ unit: fc.constantFrom(...'abc234'), minLength: 3, maxLength: 6 }).map((text) => `key_${text}`)
const row = fc.record({
  id,
  createdAt: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_005 }).map((time) => new Date(time)),
})
const rows = fc.uniqueArray(row, { selector: (each) => each.id, maxLength: 20 })
type Row = { id: string; createdAt: Date }

/** PostgreSQL's part: what its `where`, `orderBy` and `take` mean. */
type Where = { OR?: { createdAt: Date | { lt: Date }; id?: { lt: string } }[] }
const select = (all: readonly Row[], { where, take }: { where: object; take: number }): Row[] =>
  all
    .filter((each) => {
      const { OR } = where as Where
      return (
        !OR ||
        OR.some(({ createdAt, id: than }) =>
          createdAt instanceof Date
            ? createdAt.getTime() === each.createdAt.getTime() && than !== undefined && each.id < than.lt
            : each.createdAt < createdAt.lt,
        )
      )
    })
    .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1))
    .slice(0, take)

const failureOf = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return [error.code, error.details.fields?.map(({ pointer }) => pointer)]
  }
}
const REFUSED = ['validation_failed', ['?cursor']]

describe('the cursor of a list', () => {
  test('leads through all of it once, newest first, whatever the page', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 7 }), (all, limit) => {
        const seen: Row[] = []
        let cursor: string | undefined
        do {
          const page = listOf(select(all, pageOf({ cursor, limit })), { limit }, (each) => each)
          expect(page.data.length).toBeLessThanOrEqual(limit)
          seen.push(...page.data)
          cursor = page.next_cursor ?? undefined
        } while (cursor !== undefined && seen.length <= all.length)
        expect(seen).toEqual(select(all, { where: {}, take: all.length }))
      }),
      { numRuns: 500 },
    )
  })

  test('shows none twice that was there before, when others come and go meanwhile', () => {
    fc.assert(
      fc.property(rows, rows, fc.integer({ min: 1, max: 5 }), (all, come, limit) => {
        const first = listOf(select(all, pageOf({ limit })), { limit }, (each) => each)
        fc.pre(first.next_cursor !== null)
        const now = [...all, ...come.filter((each) => !all.some((other) => other.id === each.id))]
        const rest = select(now, { ...pageOf({ cursor: first.next_cursor as string, limit: 50 }), take: 50 })
        const shown = new Set(first.data.map((each) => each.id))
        expect(rest.filter((each) => shown.has(each.id))).toEqual([])
        const left = all.filter((each) => !shown.has(each.id)).map((each) => each.id)
        expect(left.filter((each) => !rest.some((other) => other.id === each))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  test('that somebody made up is refused, or asks for what a database can answer', () => {
    const near = fc.tuple(fc.nat(), id).map(([time, each]) => `${time} ${each}`)
    const cursor = fc.oneof(
      near.map(encoded).chain(mutated),
      near.chain(mutated).map(encoded),
      hostileText,
      hostileText.map(encoded),
      fc.constantFrom(
        encoded('99999999999999 x'),
        encoded('999999999999999 x'),
        encoded('-1 x'),
        encoded('1e9 x'),
        encoded('1 x\n'),
      ),
    )
    fc.assert(
      fc.property(cursor, (text) => {
        const made = failureOf(() => pageOf({ cursor: text, limit: 20 }).where) as Where | string[]
        if (Array.isArray(made)) return void expect(made).toEqual(REFUSED)
        const [older, same] = made.OR ?? []
        expect(Number((older?.createdAt as { lt: Date } | undefined)?.lt)).toBeLessThan(Date.UTC(5139, 0))
        expect(Number(same?.createdAt as Date | undefined)).not.toBeNaN()
        expect(same?.id?.lt).toMatch(/^[a-z0-9_]+$/)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the cursor of API clients', () => {
  const sorted = fc.constantFrom<Sort[]>(...sort.options)
  const client = fc.record({
    id: fc.string({ unit: fc.constantFrom(...'abc234'), minLength: 4, maxLength: 8 }).map((text) => `client_${text}`),
    clientId: fc
      .string({ unit: fc.constantFrom(...'ab c:"\\'), minLength: 1, maxLength: 8 })
      .map((text) => `x${text}x`),
    permission: fc.constantFrom('edit', 'read'),
    slot: fc.option(fc.integer({ min: 1, max: 5 })),
    client: fc.record({
      tokenValidity: fc.integer({ min: 60, max: 86_400 }),
      updatedAt: fc.integer({ min: 0, max: 253_402_300_799_999 }).map((time) => new Date(time)),
    }),
  }) as unknown as fc.Arbitrary<ApiClientRow>

  test('goes on behind the row that it was made of, and is good for no other order', () => {
    fc.assert(
      fc.property(client, sorted, sorted, (each, one, other) => {
        const cursor = cursorAfter(each, one)
        const where = failureOf(() => afterCursor(cursor, other))
        if (one !== other) return void expect(where).toEqual(REFUSED)
        const [direction] = Object.values(orderOf(one)[1] as object)
        expect(where).toMatchObject({
          OR: [{}, { AND: [{}, { id: { [direction === 'asc' ? 'gt' : 'lt']: each.id } }] }],
        })
      }),
      { numRuns: 500 },
    )
  })

  test('that somebody made up is refused, or asks for what a database can answer', () => {
    const near = fc.tuple(client, sorted).chain(([each, order]) => {
      const cursor = cursorAfter(each, order)
      return fc.oneof(mutated(cursor), mutated(Buffer.from(cursor, 'base64url').toString()).map(encoded))
    })
    const tuple = fc
      .tuple(sorted, fc.jsonValue(), fc.oneof(hostileText, fc.constant('client_abcd')))
      .map((parts) => encoded(JSON.stringify(parts)))
    /** Right but for one of its three. */
    const spoiled = fc
      .tuple(client, sorted, fc.nat(2), fc.oneof(hostileText, fc.jsonValue(), fc.constantFrom('client_a\u0000', 'x')))
      .map(([each, order, at, text]) => {
        const made = JSON.parse(Buffer.from(cursorAfter(each, order), 'base64url').toString()) as unknown[]
        return [order, encoded(JSON.stringify(made.with(at, text)))] as const
      })
    fc.assert(
      fc.property(spoiled, ([order, cursor]) => {
        const made = failureOf(() => afterCursor(cursor, order))
        if (Array.isArray(made)) return void expect(made).toEqual(REFUSED)
        const [, id] = (made as { OR: [unknown, { AND: [unknown, { id: Record<string, string> }] }] }).OR[1].AND
        expect(Object.values(id.id)[0]).toMatch(/^client_[a-z2-7]+$/)
      }),
      { numRuns: 1_000 },
    )
    fc.assert(
      fc.property(fc.oneof(near, tuple, hostileText, fc.json().map(encoded)), sorted, (cursor, order) => {
        const made = failureOf(() => afterCursor(cursor, order))
        if (Array.isArray(made)) return void expect(made).toEqual(REFUSED)
        expect(JSON.stringify(made)).not.toContain('\\u0000')
        const numbers: unknown[] = []
        JSON.stringify(made, (_, value) => {
          if (typeof value === 'number') numbers.push(value)
          return value
        })
        for (const value of numbers)
          expect([Number.isInteger(value), Math.abs(value as number) <= 2_147_483_647]).toEqual([true, true])
      }),
      { numRuns: 1_000 },
    )
  })
})
