import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLater, MOST } from '../server/later.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const noted = (done: string[], what: string) => async () => {
  done.push(what)
}

test('what is to be done is done later, together, in its order; what fails stops nothing [attack 82]', async () => {
  const later = createLater()
  const done: string[] = []
  later.run(noted(done, 'one'))
  await vi.advanceTimersByTimeAsync(50)
  later.run(() => Promise.reject(new Error('away')))
  later.run(noted(done, 'two'))
  await vi.advanceTimersByTimeAsync(49)
  expect(done).toEqual([])
  await vi.advanceTimersByTimeAsync(401)
  expect(done).toEqual(['one', 'two'])
  later.run(noted(done, 'three'))
  await vi.advanceTimersByTimeAsync(500)
  expect(done).toEqual(['one', 'two', 'three'])
})

test('at no moment that could be foreseen', async () => {
  const moments = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const began = Date.now()
      return new Promise<number>((resolve) => createLater().run(async () => resolve(Date.now() - began)))
    }).concat(vi.advanceTimersByTimeAsync(500).then(() => 0)),
  )
  expect(new Set(moments).size).toBeGreaterThan(5)
})

test('finish does all that is left, waits for what is under way, and nothing is done twice', async () => {
  const later = createLater()
  const done: string[] = []
  later.run(noted(done, 'one'))
  const first = later.finish()
  later.run(noted(done, 'two'))
  await Promise.all([first, later.finish()])
  expect(done).toEqual(['one', 'two'])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(done).toEqual(['one', 'two'])
})

test('a flood is bounded, also while the first of it is under way, and is over when that is done', async () => {
  const later = createLater()
  let release = () => {}
  let done = 0
  const count = async () => {
    done += 1
  }
  later.run(() => new Promise((resolve) => (release = resolve)))
  const held = later.finish()
  for (let each = 0; each < MOST + 5; each++) later.run(count)
  await vi.advanceTimersByTimeAsync(0)
  release()
  await held
  await later.finish()
  expect(done).toBe(MOST - 1)
  later.run(count)
  await later.finish()
  expect(done).toBe(MOST)
})
