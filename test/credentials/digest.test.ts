import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDigests } from '../../server/credentials/digest.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'

const [old, fresh] = [randomBytes(32), randomBytes(32)]
const before = createDigests(deriveMasterKeys([old]))
const rotated = createDigests(deriveMasterKeys([fresh, old]))

test('a digest is HMAC-SHA-256 under the hashing subkey of the current master key', () => {
  const { current } = deriveMasterKeys([old])
  const digest = createHmac('sha256', current.derive('hashing', 32)).update('value').digest()
  expect(before.digest('value')).toEqual({ hashKey: current.id, digest })
})

test('a value matches its own digest and no other', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(before.matches(one, before.digest(one))).toBe(true)
      expect(before.matches(one, before.digest(other))).toBe(one === other)
    }),
  )
})

test('a digest as the database gives it back (Uint8Array) matches too', () => {
  const { hashKey, digest } = before.digest('value')
  expect(before.matches('value', { hashKey, digest: new Uint8Array(digest) })).toBe(true)
})

test('after a rotation of the master key, what the older one hashed still matches', () => {
  expect(rotated.matches('value', before.digest('value'))).toBe(true)
  expect(before.matches('value', rotated.digest('value'))).toBe(false)
})

test('an unknown hash key and a digest of another length never match', () => {
  const { hashKey, digest } = before.digest('value')
  expect(before.matches('value', { hashKey: '', digest })).toBe(false)
  expect(before.matches('value', { hashKey, digest: new Uint8Array() })).toBe(false)
  expect(before.matches('value', { hashKey, digest: Buffer.concat([digest, digest]) })).toBe(false)
})

test('candidates are the digests under every master key, the current one first', () => {
  expect(rotated.candidates('value')).toEqual([
    rotated.digest('value').digest.toString('base64url'),
    before.digest('value').digest.toString('base64url'),
  ])
})
