import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import type { Mode } from '../../server/mode/mode.ts'
import { createDpopNonces } from '../../server/oauth/dpop-nonce.ts'
import { createTestClock, type TestClock } from '../clock.ts'

const STEP = 60_000
const [one, other] = [randomBytes(32), randomBytes(32)]

describe('DPoP nonces (RFC 9449 §8)', () => {
  let clock: TestClock
  const noncesOf = (keys: Buffer[], mode: Mode = 'live', at = clock) =>
    createDpopNonces({ mode, masterKeys: deriveMasterKeys(keys), clock: at })

  beforeEach(() => {
    clock = createTestClock(1_800_000_000_000)
  })

  test('§8.1: NQCHAR only; the same on all nodes for a step, then another', () => {
    const nonces = noncesOf([one])
    const nonce = nonces.newest()
    expect(nonce).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]{43}$/)
    clock.advance(STEP - 1)
    expect(noncesOf([one]).newest()).toBe(nonce)
    clock.advance(1)
    expect(nonces.newest()).not.toBe(nonce)
  })

  test('accepted for its own step and four more, by the clock and not by a timer', () => {
    const nonces = noncesOf([one])
    const nonce = nonces.newest()
    const end = clock.now() + 5 * STEP
    for (let step = 0; step < 5; step++) {
      expect([nonces.isNewest(nonce), nonces.endOf(nonce)]).toEqual([step === 0, end])
      clock.advance(STEP)
    }
    expect(clock.now()).toBe(end)
    expect([nonces.isNewest(nonce), nonces.endOf(nonce)]).toEqual([false, undefined])
  })

  test("one of a node whose clock is a step ahead is accepted, and news to no one; of two steps ahead isn't", () => {
    const nonces = noncesOf([one])
    const [ahead, beyond] = [1, 2].map((steps) =>
      noncesOf([one], 'live', createTestClock(clock.now() + steps * STEP)).newest(),
    ) as [string, string]
    expect([nonces.isNewest(ahead), nonces.endOf(ahead)]).toEqual([true, clock.now() + 6 * STEP])
    expect([nonces.isNewest(beyond), nonces.endOf(beyond)]).toEqual([false, undefined])
  })

  test("§8: another server's, the other mode's, and anything else are not ours", () => {
    const nonces = noncesOf([one])
    expect(nonces.endOf(noncesOf([other]).newest())).toBeUndefined()
    expect(nonces.endOf(noncesOf([one], 'test').newest())).toBeUndefined()
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => nonces.endOf(text) === undefined))
  })

  test('while master keys are rotated, both are accepted and the current one makes', () => {
    const [before, after] = [noncesOf([one, other]), noncesOf([other, one])]
    expect(before.newest()).toBe(noncesOf([one]).newest())
    expect(after.newest()).toBe(noncesOf([other]).newest())
    expect(after.isNewest(before.newest())).toBe(true)
    expect(before.isNewest(after.newest())).toBe(true)
  })
})
