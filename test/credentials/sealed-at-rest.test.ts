import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { CannotOpen, isStale, open, seal } from '../../server/credentials/sealed-at-rest.ts'

const [one, two] = [randomBytes(32), randomBytes(32)]
const keys = deriveMasterKeys([one])

test('what was sealed opens, whatever it is, and is not in the envelope', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 8, unit: 'grapheme' }), fc.string(), (text, context) => {
      const sealed = seal(keys, text, context)
      expect(open(keys, sealed, context)).toBe(text)
      expect(sealed).not.toContain(text)
    }),
  )
})

test('the same text is sealed differently each time', () => {
  expect(seal(keys, 'text', 'here')).not.toBe(seal(keys, 'text', 'here'))
})

test('the envelope names its version and master key', () => {
  expect(seal(keys, 'text', 'here')).toMatch(new RegExp(`^v1\\.${keys.current.id}\\.[\\w-]{16}\\.[\\w-]+$`))
})

test('it opens nowhere but in its context', () => {
  expect(() => open(keys, seal(keys, 'text', 'here'), 'there')).toThrow(CannotOpen)
})

test('no character can be changed', () => {
  const sealed = seal(keys, 'some text', 'here')
  const from = sealed.lastIndexOf('.', sealed.lastIndexOf('.') - 1) + 1
  for (let at = from; at < sealed.length - 1; at++) {
    if (sealed[at] === '.') continue
    const altered = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`
    expect(() => open(keys, altered, 'here')).toThrow(CannotOpen)
  }
})

test('a shortened tag is refused', () => {
  const sealed = seal(keys, 'some text', 'here')
  for (const cut of [4, 8, 16, 24]) expect(() => open(keys, sealed.slice(0, -cut), 'here')).toThrow(CannotOpen)
})

test.each(['', 'text', 'v2.00000000.AAAAAAAAAAAAAAAA.AAAA', 'v1.00000000.AAAA.AAAA'])(
  '%j is not in a known form',
  (text) => {
    expect(() => open(keys, text, 'here')).toThrow(/not in a known form/)
  },
)

test('an older master key opens what it sealed, and what it sealed is stale', () => {
  const sealed = seal(keys, 'text', 'here')
  const rotated = deriveMasterKeys([two, one])
  expect(open(rotated, sealed, 'here')).toBe('text')
  expect(isStale(rotated, sealed)).toBe(true)
  expect(isStale(rotated, seal(rotated, 'text', 'here'))).toBe(false)
})

test('under a master key that is not configured, the error says which and what to do', () => {
  const sealed = seal(keys, 'text', 'here')
  const others = deriveMasterKeys([two])
  expect(() => open(others, sealed, 'here')).toThrow(
    `under master key ${keys.current.id}, which is not among those configured (${others.current.id})`,
  )
  expect(() => open(others, sealed, 'here')).toThrow('KC_MASTER_KEY')
})
