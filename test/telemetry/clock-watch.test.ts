import { beforeEach, expect, test, vi } from 'vitest'
import { createClockWatch } from '../../server/telemetry/clock-watch.ts'
import { createTestClock, type TestClock } from '../clock.ts'

const HOUR = 3_600_000

let clock: TestClock
let passed: number
const warn = vi.fn()
beforeEach(() => {
  clock = createTestClock(0)
  passed = 0
  warn.mockReset()
})

const watch = () => createClockWatch({ clock, elapsed: () => passed, log: { warn } as never })
const pass = (milliseconds: number) => {
  clock.advance(milliseconds)
  passed += milliseconds
}

test.each([HOUR, -HOUR])('a clock that jumps by %i ms is told once, with how far [attack 78]', (jump) => {
  const { look } = watch()
  pass(10_000)
  look()
  clock.advance(jump)
  pass(10_000)
  look()
  expect(warn.mock.calls).toEqual([[{ seconds: jump / 1000 }, expect.stringContaining('clock was set')]])
  pass(10_000)
  look()
  expect(warn).toHaveBeenCalledOnce()
})

test('time that goes by, however long between two looks, and a clock that is slewed are nothing to tell', () => {
  const { look } = watch()
  for (const wait of [10_000, HOUR, 0, 1]) {
    pass(wait)
    look()
    clock.advance(100)
  }
  look()
  expect(warn).not.toHaveBeenCalled()
})

test('the machine’s own clock is watched as it is', () => {
  createClockWatch({ clock: { now: Date.now }, log: { warn } as never }).look()
  expect(warn).not.toHaveBeenCalled()
})
