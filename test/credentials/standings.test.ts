import { describe, expect, test } from 'vitest'
import { createStandings } from '../../server/credentials/standings.ts'
import type { KeptStanding, Standing } from '../../server/storage/state-store.ts'

type Rows = Map<string, Standing>

/** A database whose answers are the test's to give, and a hot store. */
function world(rows: Rows) {
  const hot = new Map<string, KeptStanding>()
  const queries: { refs: string[]; answer(): void }[] = []
  const standings = createStandings({
    mode: 'live',
    database: {
      standing: {
        findMany: ({ where: { ref } }: { where: { ref: { in: string[] } } }) =>
          new Promise((resolve) => {
            // As it is when the query runs, not when its answer comes.
            const found = ref.in.flatMap((each) => rows.get(each) ?? [])
            queries.push({ refs: ref.in, answer: () => resolve(found) })
          }),
      },
    } as never,
    state: {
      standings: async (refs) => refs.map((ref) => hot.get(ref)),
      raiseStandings: async (raised) => {
        for (const standing of raised) hot.set(standing.ref, standing)
      },
    },
  })
  const asked = async (count: number) => {
    await expect.poll(() => queries.length, { interval: 1 }).toBe(count)
    return queries[count - 1] as (typeof queries)[number]
  }
  return { standings, hot, asked, queries }
}

const standing = (ref: string, version = 1): Standing => ({ ref, version, epoch: version })
const rowsOf = (...standings: Standing[]): Rows => new Map(standings.map((each) => [each.ref, each]))

test('what is missed together is read together, each once, and found by the next', async () => {
  const { standings, asked, queries } = world(rowsOf(standing('a'), standing('b'), standing('t')))
  const reads = [
    ['a', 't'],
    ['b', 't'],
    ['t', 'nobody', 'a'],
  ].map((refs) => standings.read(refs))
  const { refs, answer } = await asked(1)
  expect(refs.toSorted()).toEqual(['a', 'b', 'nobody', 't'])
  answer()
  expect(await Promise.all(reads)).toEqual([
    [standing('a'), standing('t')],
    [standing('b'), standing('t')],
    [standing('t'), undefined, standing('a')],
  ])
  expect(await standings.read(['a', 'b', 't'])).toEqual([standing('a'), standing('b'), standing('t')])
  expect(queries).toHaveLength(1)
})

test('a query that has begun answers nobody who asks later: a change may have come between', async () => {
  const rows = rowsOf(standing('a'))
  const { standings, asked } = world(rows)
  const early = standings.read(['a'])
  const first = await asked(1)
  rows.set('a', standing('a', 2))
  const late = standings.read(['a'])
  const second = await asked(2)
  second.answer()
  expect(await late).toEqual([standing('a', 2)])
  first.answer()
  expect(await early).toEqual([standing('a')])
})

describe('a standing that is due', () => {
  const due = (ref: string): KeptStanding => ({ ...standing(ref), isDue: true })

  test('is told at once, and read anew behind the request, by whichever way it was found', async () => {
    const { standings, hot, asked, queries } = world(rowsOf(standing('a', 2), standing('b')))
    for (const ref of ['a', 'b']) hot.set(ref, due(ref))
    expect(await standings.read(['a'])).toMatchObject([standing('a')])
    expect(await standings.readHot(['b'])).toMatchObject([standing('b')])
    const first = await asked(1)
    expect(first.refs).toEqual(['a'])
    first.answer()
    const second = await asked(2)
    expect(second.refs).toEqual(['b'])
    second.answer()
    await expect.poll(() => hot.get('b'), { interval: 1 }).toEqual(standing('b'))
    expect(await standings.read(['a', 'b'])).toEqual([standing('a', 2), standing('b')])
    expect(queries).toHaveLength(2)
  })

  test('costs one query at a time, however many come to be due meanwhile', async () => {
    const refs = Array.from({ length: 100 }, (_, at) => `r${at}`)
    const { standings, hot, asked, queries } = world(rowsOf(...refs.map((ref) => standing(ref))))
    for (const ref of refs) hot.set(ref, due(ref))
    for (const ref of refs) await standings.read([ref])
    const { refs: early, answer } = await asked(1)
    answer()
    const { refs: late, answer: answerLate } = await asked(2)
    answerLate()
    expect(new Set([...early, ...late])).toEqual(new Set(refs))
    await expect.poll(() => [...hot.values()].some(({ isDue }) => isDue), { interval: 1 }).toBe(false)
    expect(queries).toHaveLength(2)
  })

  test('stands while the database is away, and is tried again by the next who reads it', async () => {
    let tries = 0
    const hot: KeptStanding = due('a')
    const standings = createStandings({
      mode: 'live',
      database: {
        standing: {
          findMany: async () => {
            tries += 1
            throw new Error('away')
          },
        },
      } as never,
      state: { standings: async () => [hot], raiseStandings: async () => {} },
    })
    for (const time of [1, 2, 3]) {
      expect(await standings.read(['a'])).toEqual([hot])
      await expect.poll(() => tries, { interval: 1 }).toBe(time)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })
})

test('a database that is away is away for all who wait, and is asked anew by the next', async () => {
  let away = true
  const standings = createStandings({
    mode: 'live',
    database: {
      standing: {
        findMany: async () => {
          if (away) throw new Error('away')
          return [standing('a')]
        },
      },
    } as never,
    state: { standings: async (refs) => refs.map(() => undefined), raiseStandings: async () => {} },
  })
  const results = await Promise.allSettled([standings.read(['a']), standings.read(['a', 'b'])])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  away = false
  expect(await standings.read(['a'])).toEqual([standing('a')])
})
