import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  isLinkToken,
  newAccessToken,
  newAppSecret,
  newClientRef,
  newEnterpriseKey,
  newFamily,
  newLinkToken,
  newPersonalAccessToken,
  newPublicId,
  newRecordId,
  newRefreshToken,
  newServiceToken,
  newStandardKey,
  parseClientSecret,
  parseCredential,
  publicIdOf,
  splitKey,
} from '../../server/credentials/format.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const mode = fc.constantFrom('live' as const, 'test' as const)
const base32 = (letters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...letters), minLength, maxLength })
/** As long as any id may be, not only as long as we make them. */
const publicId = base32('abcdefghijklmnopqrstuvwxyz234567', 8, 32)
const base62 = (length: number) =>
  base32('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', length, length)

/** Every kind that there is, made by whoever issues it, and what parsing must find in it. */
const issued = fc.oneof(
  fc
    .tuple(mode, publicId)
    .map(([m, id]) => ({ text: newStandardKey(m, id), kind: 'standard_key', mode: m, publicId: id })),
  fc
    .tuple(mode, publicId)
    .map(([m, id]) => ({ text: newServiceToken(m, id), kind: 'service_token', mode: m, publicId: id })),
  fc
    .tuple(mode, publicId)
    .map(([m, id]) => ({ text: newPersonalAccessToken(m, id), kind: 'personal_access_token', mode: m, publicId: id })),
  fc.tuple(mode, publicId).map(([m, id]) => ({ text: newAppSecret(m, id), kind: 'app_secret', mode: m, publicId: id })),
  publicId.map((id) => ({ text: newEnterpriseKey(id), kind: 'enterprise_key', mode: 'live', publicId: id })),
  fc
    .tuple(mode, base62(8))
    .map(([m, ref]) => ({ text: newAccessToken(m, ref), kind: 'access_token', mode: m, clientRef: ref })),
  fc
    .tuple(mode, base62(16))
    .map(([m, id]) => ({ text: newRefreshToken(m, id), kind: 'refresh_token', mode: m, family: id })),
)

describe('parseCredential', () => {
  test('finds in what was issued exactly what was put in', () => {
    fc.assert(
      fc.property(issued, (made) => void expect(parseCredential(made.text)).toEqual(made)),
      { numRuns: 1_000 },
    )
  })

  test('takes none that differs by one character, in whatever way', () => {
    const changed = issued.chain(({ text }) => mutated(text))
    fc.assert(
      fc.property(changed, (text) => void expect(parseCredential(text)).toBeUndefined()),
      { numRuns: 3_000 },
    )
  })

  test('takes none of two halves of different ones', () => {
    fc.assert(
      fc.property(issued, issued, fc.nat({ max: 60 }), (one, other, at) => {
        const spliced = one.text.slice(0, at) + other.text.slice(at)
        fc.pre(spliced !== one.text && spliced !== other.text)
        expect(parseCredential(spliced)).toBeUndefined()
      }),
      { numRuns: 1_000 },
    )
  })

  test('of a whole credential says what it says, of all else nothing, and never throws', () => {
    const around = fc.tuple(
      hostileText,
      fc.option(
        issued.map(({ text }) => text),
        { nil: '' },
      ),
      hostileText,
    )
    fc.assert(
      fc.property(around, ([before, text, after]) => {
        const whole = before + text + after
        const parsed = parseCredential(whole)
        if (parsed) expect(parsed.text).toBe(whole)
        if (before + after !== '') expect(parsed).toBeUndefined()
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('parseClientSecret', () => {
  const key = fc.oneof(
    fc.tuple(mode, publicId).map(([m, id]) => newStandardKey(m, id)),
    publicId.map((id) => newEnterpriseKey(id)),
  )

  test('finds a key in the pair that creation hands out', () => {
    fc.assert(
      fc.property(key, (text) => {
        const { clientId, clientSecret } = splitKey(text)
        expect(parseClientSecret(clientId, clientSecret)).toEqual(parseCredential(text))
      }),
    )
  })

  test('finds none in a pair of which either half differs by one character', () => {
    const changed = key.chain((text) => {
      const { clientId, clientSecret } = splitKey(text)
      return fc.oneof(
        mutated(clientId).map((id) => [id, clientSecret, text] as const),
        mutated(clientSecret).map((secret) => [clientId, secret, text] as const),
      )
    })
    fc.assert(
      fc.property(changed, ([clientId, clientSecret, text]) => {
        // What joins to the very same key is another way to split it, which the contract allows.
        const mode = text.split('_')[1]
        fc.pre(![text, text.replace(`_${mode}_`, '_')].includes(`${clientId}_${clientSecret}`))
        expect(parseClientSecret(clientId, clientSecret)).toBeUndefined()
      }),
      { numRuns: 3_000 },
    )
  })

  test('never finds another client than the one whose id stands at the beginning', () => {
    const half = fc.oneof(
      key,
      key.map((text) => splitKey(text).clientId),
      key.map((text) => splitKey(text).clientSecret),
      hostileText,
    )
    fc.assert(
      fc.property(half, half, (clientId, clientSecret) => {
        const found = parseClientSecret(clientId, clientSecret)
        if (!found) return
        const joined = `${clientId}_${clientSecret}`
        expect([found.text, found.text.replace(/^tk_(live|test)_/, 'tk_')]).toContain(joined)
        expect(joined.toLowerCase()).toMatch(new RegExp(`^(?:tk_(?:(?:live|test)_)?|ake)${found.publicId}_`))
      }),
      { numRuns: 1_000 },
    )
  })

  test("takes an app's secret from that app alone", () => {
    fc.assert(
      fc.property(mode, publicId, publicId, hostileText, (each, id, other, text) => {
        const secret = newAppSecret(each, id)
        expect(parseClientSecret(`app_${id}`, secret)).toMatchObject({ kind: 'app_secret', publicId: id })
        for (const clientId of [
          `app_${other}`,
          `app_${text}`,
          text,
          `tk_${id}`,
          `app_${id.toUpperCase()}`,
          `app_${id}_`,
        ]) {
          if (clientId !== `app_${id}`) expect(parseClientSecret(clientId, secret)).toBeUndefined()
        }
      }),
    )
  })
})

describe('publicIdOf', () => {
  test('is the id in every client_id that is handed out', () => {
    fc.assert(
      fc.property(publicId, (id) => {
        const all = [`tk_${id}`, `su_${id}`, `app_${id}`, `pk_live_${id}`, `pk_test_${id}`, `AKE${id.toUpperCase()}`]
        expect(new Set(all.map(publicIdOf))).toEqual(new Set([id]))
      }),
    )
  })

  test('is of nothing else, and holds nothing that a store would trip over', () => {
    const near = publicId
      .chain((id) => fc.constantFrom(`tk_${id}`, `pk_live_${id}`, `AKE${id.toUpperCase()}`))
      .chain(mutated)
    fc.assert(
      fc.property(fc.oneof(near, hostileText), (text) => {
        const id = publicIdOf(text)
        if (id === undefined) return
        expect(id).toMatch(/^[a-z2-7]{8,32}$/)
        expect([
          `tk_${id}`,
          `su_${id}`,
          `app_${id}`,
          `pk_live_${id}`,
          `pk_test_${id}`,
          `AKE${id.toUpperCase()}`,
        ]).toContain(text)
      }),
      { numRuns: 2_000 },
    )
  })
})

test('a link is what was made as one, to the letter, and no credential', () => {
  const link = fc.constant(0).map(newLinkToken)
  fc.assert(fc.property(link, (text) => isLinkToken(text) && parseCredential(text) === undefined))
  fc.assert(
    fc.property(fc.oneof(link.chain(mutated), hostileText), (text) => !isLinkToken(text)),
    { numRuns: 1_000 },
  )
})

test('what we make ourselves is made of its alphabet, and parses', () => {
  for (let each = 0; each < 200; each++) {
    expect(newPublicId()).toMatch(/^[a-z2-7]{12}$/)
    expect(newClientRef()).toMatch(/^[0-9A-Za-z]{8}$/)
    expect(newFamily()).toMatch(/^[0-9A-Za-z]{16}$/)
    expect(parseCredential(newRecordId('client'))).toBeUndefined()
  }
})
