import { expect, test } from 'vitest'
import { createEvenTimes, monotonic } from '../../server/credentials/even-time.ts'

/** Its thread is there already: to start one takes longer than what is measured here. */
async function openEvenTimes(milliseconds: number) {
  const evenTime = createEvenTimes(milliseconds)
  const first = evenTime()
  first.start()
  await first.reached()
  return evenTime
}

test('counts from when it was asked for, however late it is started and reached', async () => {
  const evenTime = await openEvenTimes(40)
  const began = monotonic()
  const even = evenTime()
  while (monotonic() - began < 15);
  even.start()
  even.start()
  await even.reached()
  expect(monotonic() - began).toBeGreaterThanOrEqual(40)
})

test('of several each has its own moment, in their order, and one that is past is reached at once', async () => {
  const evenTime = await openEvenTimes(30)
  const order: number[] = []
  const late = evenTime()
  const began = monotonic()
  while (monotonic() - began < 35);
  await Promise.all(
    [late, evenTime(), evenTime(), evenTime()].map(async (even, at) => {
      even.start()
      await even.reached()
      order.push(at)
      expect(monotonic() - began).toBeGreaterThanOrEqual(at ? 65 : 30)
    }),
  )
  expect(order).toEqual([0, 1, 2, 3])
})

test('what was never started waits for nothing, nor does any where none is wanted', async () => {
  await createEvenTimes(1e9)().reached()
  const even = createEvenTimes(0)()
  even.start()
  await even.reached()
})
