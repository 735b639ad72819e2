import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isChosenClientId, isChosenSecret, parseChosenCredential } from '../../server/credentials/chosen-credential.ts'
import {
  newAppSecret,
  newEnterpriseKey,
  newPublicId,
  newRecordId,
  newStandardKey,
  parseClientSecret,
  publicIdOf,
  splitKey,
} from '../../server/credentials/format.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const visible = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
})
const anyText = fc.oneof({ weight: 3, arbitrary: visible }, hostileText)

const is = (text: string, test: (code: number) => boolean) =>
  [...text].every((letter) => test(letter.codePointAt(0) as number))
const PREFIXES = ['tk', 'pk', 'su', 'app', 'st', 'kc', 'kr', 'cs', 'kp']

/** The words of the contract and of docs, letter by letter: no regular expression, since those are what is tested. */
function mayBeChosen(id: string): boolean {
  if (id.length < 1 || id.length > 49 || !is(id, (code) => code >= 0x20 && code <= 0x7e)) return false
  if (id.startsWith(' ') || id.endsWith(' ')) return false
  const lower = id.toLowerCase()
  if (lower.startsWith('ake') || lower.startsWith('http:') || lower.startsWith('https:')) return false
  if (PREFIXES.some((prefix) => lower === prefix || lower.startsWith(`${prefix}_`))) return false
  const [kind = '', rest, ...more] = lower.split('_')
  const isKind = kind.length >= 2 && kind.length <= 8 && is(kind, (code) => code >= 97 && code <= 122)
  const isId =
    rest !== undefined &&
    rest.length >= 8 &&
    rest.length <= 32 &&
    [...rest].every((letter) => 'abcdefghijklmnopqrstuvwxyz234567'.includes(letter))
  return !(isKind && isId && more.length === 0)
}

function isGoodSecret(secret: string): boolean {
  const letters = [...secret]
  const has = (test: (letter: string) => boolean) => letters.some(test)
  const isLetter = (letter: string) => letter.toLowerCase() !== letter.toUpperCase()
  const isDigit = (letter: string) => letter >= '0' && letter <= '9'
  const isFit = secret.length >= 8 && secret.length <= 30 && is(secret, (code) => code > 0x20 && code < 0x7f)
  return isFit && has(isLetter) && has(isDigit) && has((letter) => !isLetter(letter) && !isDigit(letter))
}

const shaped = fc
  .tuple(
    fc.constantFrom(...PREFIXES, 'mem', 'AKE', 'http', 'Ten', 'a'),
    fc.constantFrom('_', '', ':', '-'),
    fc.string({ unit: fc.constantFrom(...'ab2_1Z'), maxLength: 40 }),
  )
  .map((parts) => parts.join(''))
/** At the edge of what is too long. */
const long = fc
  .tuple(fc.constantFrom('x', ' ', '1_', 'é'), fc.integer({ min: 46, max: 51 }))
  .map(([end, length]) => end.padStart(length, 'y'))
const anyId = fc.oneof(anyText, shaped, long)
const someSecret = fc.string({ unit: fc.constantFrom(...'aZ7!_ ~'), minLength: 6, maxLength: 32 })

test('an id may be chosen exactly if the contract says so', () => {
  fc.assert(
    fc.property(anyId, (id) => void expect(isChosenClientId(id)).toBe(mayBeChosen(id))),
    { numRuns: 3_000 },
  )
})

test('so may a secret', () => {
  fc.assert(
    fc.property(
      fc.oneof(someSecret, anyText),
      (secret) => void expect(isChosenSecret(secret)).toBe(isGoodSecret(secret)),
    ),
    {
      numRuns: 3_000,
    },
  )
})

test('what is taken is taken as it is, and both must be good', () => {
  fc.assert(
    fc.property(anyId, fc.oneof(someSecret, anyText), (clientId, secret) => {
      const good = mayBeChosen(clientId) && isGoodSecret(secret)
      expect(parseChosenCredential(clientId, secret)).toEqual(
        good ? { kind: 'chosen_secret', clientId, secret } : undefined,
      )
    }),
    { numRuns: 2_000 },
  )
})

test('no id that may be chosen is one that we give out, not even one character from it', () => {
  const ours = fc
    .constant(0)
    .map(() => newPublicId())
    .chain((id) =>
      fc.constantFrom(
        `tk_${id}`,
        `su_${id}`,
        `app_${id}`,
        `pk_live_${id}`,
        `pk_test_${id}`,
        `AKE${id.toUpperCase()}`,
        newRecordId('mem'),
      ),
    )
  fc.assert(fc.property(ours, (id) => !isChosenClientId(id)))
  fc.assert(
    fc.property(fc.oneof(ours.chain(mutated), anyId), (id) => !isChosenClientId(id) || publicIdOf(id) === undefined),
    { numRuns: 2_000 },
  )
})

test('no pair is a key and a chosen credential at once', () => {
  const key = fc.constantFrom(
    newStandardKey('live', newPublicId()),
    newStandardKey('test', newPublicId()),
    newEnterpriseKey(newPublicId()),
  )
  const pair = key.chain((text) => {
    const places = [...text].flatMap((letter, at) => (letter === '_' ? [at] : []))
    return fc.constantFrom(...places).map((at) => [text.slice(0, at), text.slice(at + 1)] as const)
  })
  const app = fc.constant(0).map(() => {
    const id = newPublicId()
    return [`app_${id}`, newAppSecret('live', id)] as const
  })
  fc.assert(
    fc.property(
      fc.oneof(
        pair,
        app,
        key.map((text) => [splitKey(text).clientId, splitKey(text).clientSecret] as const),
      ),
      ([id, secret]) => {
        expect(parseClientSecret(id, secret)).toBeDefined()
        expect(parseChosenCredential(id, secret)).toBeUndefined()
      },
    ),
  )
})
