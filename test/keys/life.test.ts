import { expect, test } from 'vitest'
import {
  FOLLOW_MARGIN_SECONDS,
  hasSuccessorWaiting,
  isSuccessorDue,
  JWKS_MAX_AGE_SECONDS,
  type KeyLife,
  LONGEST_TOKEN_SECONDS,
  publishedKeys,
  REMOVAL_MARGIN_SECONDS,
  removableAt,
  removableKeys,
  signingKey,
  signsFromOf,
} from '../../keys/life.ts'

const key = (kid: string, signsFrom: number, more: Partial<KeyLife> = {}): KeyLife => ({
  kid,
  alg: 'ES256',
  createdAt: new Date(signsFrom),
  signsFrom: new Date(signsFrom),
  removedAt: null,
  ...more,
})
const DAY = 86_400_000
const RETIREMENT = (LONGEST_TOKEN_SECONDS + REMOVAL_MARGIN_SECONDS) * 1000

test('the newest key whose time has come signs, to the millisecond', () => {
  const keys = [key('a', 0), key('c', 200), key('b', 100)]
  expect(signingKey(keys, 'ES256', 99)?.kid).toBe('a')
  expect(signingKey(keys, 'ES256', 100)?.kid).toBe('b')
  expect(signingKey(keys, 'ES256', 200)?.kid).toBe('c')
})

test('keys of another algorithm and removed keys never sign', () => {
  const keys = [key('a', 0), key('b', 5, { alg: 'RS256' }), key('c', 6, { removedAt: new Date(7) })]
  expect(signingKey(keys, 'ES256', 10)?.kid).toBe('a')
  expect(signingKey(keys, 'EdDSA', 10)).toBeUndefined()
})

test('a node whose clock is behind signs with the oldest key, not with none', () => {
  expect(signingKey([key('a', 1000), key('b', 2000)], 'ES256', 0)?.kid).toBe('a')
})

test('two keys that begin at the same time are chosen between alike, in whatever order they are read', () => {
  const [a, b] = [key('a', 0), key('b', 0)]
  expect(signingKey([a, b], 'ES256', 1)).toBe(signingKey([b, a], 'ES256', 1))
})

test('published are the waiting, the signing and the retired, newest first; not the removed', () => {
  const keys = [
    key('retired', 0),
    key('waiting', 900),
    key('signing', 100),
    key('gone', -5, { removedAt: new Date(1) }),
  ]
  expect(publishedKeys(keys, 'ES256').map(({ kid }) => kid)).toEqual(['waiting', 'signing', 'retired'])
})

test('the first key signs at once, its successor when every cached JWKS has run out [attack 81]', () => {
  expect(signsFromOf([], 'ES256', 50)).toBe(50)
  const after = (JWKS_MAX_AGE_SECONDS + FOLLOW_MARGIN_SECONDS) * 1000
  expect(signsFromOf([key('a', 0)], 'ES256', 50)).toBe(50 + after)
  expect(signsFromOf([key('a', 0)], 'RS256', 50)).toBe(50)
})

test('a successor waits until it signs', () => {
  const keys = [key('a', 0), key('b', 100)]
  expect(hasSuccessorWaiting(keys, 'ES256', 99)).toBe(true)
  expect(hasSuccessorWaiting(keys, 'ES256', 100)).toBe(false)
  expect(hasSuccessorWaiting([], 'ES256', 100)).toBe(false)
})

test('a successor is due at the age set, and at once where there is no key', () => {
  expect(isSuccessorDue([key('a', 0)], 'ES256', 90 * DAY - 1, 90)).toBe(false)
  expect(isSuccessorDue([key('a', 0)], 'ES256', 90 * DAY, 90)).toBe(true)
  expect(isSuccessorDue([key('a', 0), key('b', DAY)], 'ES256', 90 * DAY, 90)).toBe(false)
  expect(isSuccessorDue([], 'ES256', 0, 90)).toBe(true)
})

test('a key is removable when its direct successor has signed for longer than the longest token lives', () => {
  const keys = [key('a', 0), key('b', 100), key('c', 5000)]
  expect(removableAt(keys, keys[0] as KeyLife)).toBe(100 + RETIREMENT)
  expect(removableAt(keys, keys[1] as KeyLife)).toBe(5000 + RETIREMENT)
  expect(removableAt(keys, keys[2] as KeyLife)).toBeUndefined()
  expect(removableKeys(keys, 100 + RETIREMENT - 1)).toEqual([])
  expect(removableKeys(keys, 100 + RETIREMENT).map(({ kid }) => kid)).toEqual(['a'])
  expect(removableKeys(keys, Number.MAX_SAFE_INTEGER).map(({ kid }) => kid)).toEqual(['a', 'b'])
})

test('a key of another algorithm is no successor', () => {
  expect(removableKeys([key('a', 0), key('b', 100, { alg: 'RS256' })], Number.MAX_SAFE_INTEGER)).toEqual([])
})
