import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ApiError } from '../../server/http/problem.ts'
import { filters, matching } from '../../server/management/audit-logs/filters.ts'
import { readIfMatch } from '../../server/management/entity-tag.ts'
import { cursorAndLimit, description, expiresAt, label, name, tags } from '../../server/management/fields.ts'
import { repeatableOf } from '../../server/management/repeatable.ts'
import { beginningLike } from '../../server/management/search.ts'
import { wrongTexts } from '../../server/management/wrong-text.ts'
import { containing, literally } from '../../server/storage/ilike.ts'
import { hasControl, hostileText, mutated } from '../hostile-text.ts'

/** PostgreSQL's LIKE, by its manual (§9.7.1): `%` any run, `_` one character, a backslash before what is meant as it is. */
function like(pattern: string, text: string): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return text === ''
  const tail = rest.join('')
  if (first === '%') return like(tail, text) || (text !== '' && like(pattern, [...text].slice(1).join('')))
  const [letter, ...others] = text
  if (letter === undefined) return false
  if (first === '\\') return rest[0] === letter && like(rest.slice(1).join(''), others.join(''))
  return (first === '_' || first === letter) && like(tail, others.join(''))
}
const few = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '\\', '*', '.', "'"), maxLength: 6 })

describe('what a list is searched by', () => {
  test('means itself to PostgreSQL, whatever is in it', () => {
    fc.assert(
      fc.property(few, few, (typed, text) => {
        expect(like(`%${literally(typed)}%`, text)).toBe(text.includes(typed))
        expect(containing(typed)).toEqual({ contains: literally(typed), mode: 'insensitive' })
      }),
      { numRuns: 2_000 },
    )
  })

  test('as the beginning of an id, too, and not where it is too short to tell anything', () => {
    fc.assert(
      fc.property(few, few, (typed, text) => {
        const [found] = beginningLike(`tk_${typed}`, /^tk_/)
        expect(found === undefined).toBe(typed.length < 4)
        if (found) expect(like(`${found.publicId.startsWith}%`, text)).toBe(text.startsWith(typed))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('filters of the audit log', () => {
  const schema = z.strictObject(filters)
  const time = fc.date({ min: new Date('1970-01-01'), max: new Date('9998-01-01'), noInvalidDate: true })

  test('are what they say: a kind of actions is a beginning, and means itself', () => {
    fc.assert(
      fc.property(few, few, (kind, action) => {
        const { action: found } = matching({ action: `${kind}.*` }) as { action: { startsWith: string } }
        expect(like(`${found.startsWith}%`, action)).toBe(action.startsWith(`${kind}.`))
        if (!kind.endsWith('.*')) expect(matching({ action: kind })).toEqual({ action: kind })
      }),
      { numRuns: 1_000 },
    )
  })

  test('of time are that very time, from whatever zone', () => {
    fc.assert(
      fc.property(time, fc.integer({ min: -14 * 60, max: 14 * 60 }), (at, zone) => {
        const sign = zone < 0 ? '-' : '+'
        const [hours, minutes] = [Math.trunc(Math.abs(zone) / 60), Math.abs(zone) % 60].map((part) =>
          String(part).padStart(2, '0'),
        )
        const local = new Date(at.getTime() + zone * 60_000).toISOString().replace('Z', `${sign}${hours}:${minutes}`)
        fc.pre(!local.startsWith('+') && !local.startsWith('-'))
        for (const text of [at.toISOString(), local]) {
          const parsed = schema.safeParse({ since: text, until: text })
          expect([text, parsed.success && matching(parsed.data)]).toEqual([text, { at: { gte: at, lt: at } }])
        }
      }),
      { numRuns: 500 },
    )
  })

  test('of anything else are refused, or what a database can be asked', () => {
    const iso = time.map((at) => at.toISOString()).chain(mutated)
    const text = fc.oneof(
      hostileText,
      iso,
      fc.constantFrom(
        '2030-02-30T00:00:00Z',
        '2030-01-01T24:00:00Z',
        '+012030-01-01T00:00:00Z',
        '2030-01-01T00:00:00+99:00',
        '10000-01-01T00:00:00Z',
      ),
    )
    const query = fc.record(
      {
        sandbox: fc.oneof(text, fc.constant('true')),
        actor: text,
        action: text,
        target: text,
        since: text,
        until: text,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(query, (given) => {
        const parsed = schema.safeParse(given)
        if (!parsed.success) return
        const { at = {} } = matching(parsed.data) as { at?: { gte?: Date; lt?: Date } }
        for (const each of Object.values(at))
          expect([each instanceof Date, Math.abs(each.getTime()) < Date.UTC(9999, 0)]).toEqual([true, true])
        for (const each of [given.actor, given.action, given.target])
          if (each !== undefined) expect([hasControl(each), each.isWellFormed()]).toEqual([false, true])
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('If-Match (RFC 9110 §13.1.1)', () => {
  /** §8.8.3: etagc. */
  const etagc = fc
    .integer({ min: 0x21, max: 0xff })
    .filter((code) => code !== 0x22 && code !== 0x7f)
    .map((code) => String.fromCharCode(code))
  const opaque = fc.string({ unit: etagc, maxLength: 8 })
  const strong = opaque.map((text) => `"${text}"`)
  const tag = fc.tuple(fc.boolean(), strong).map(([weak, text]) => (weak ? `W/${text}` : text))
  const separator = fc.constantFrom(',', ', ', ' ,', '\t,\t')
  const refused = (field: string): boolean => {
    try {
      readIfMatch(field)
      return false
    } catch (error) {
      expect(error).toMatchObject({ code: 'validation_failed', details: { status: 400 } })
      expect(error).toBeInstanceOf(ApiError)
      return true
    }
  }

  test('holds for a record whose tag is in the list, strong, and for no other', () => {
    fc.assert(
      fc.property(
        fc.array(tag, { minLength: 1, maxLength: 4 }),
        separator,
        fc.oneof(strong, fc.constant(undefined)),
        (tags, between, other) => {
          const matches = readIfMatch(tags.join(between))
          expect(matches(undefined)).toBe(false)
          // Ours are strong: compared with a weak one of the same letters, none is the same (§8.8.3.2).
          const asked = [...tags.map((each) => each.replace(/^W\//, '')), other]
          for (const current of asked) expect(matches(current)).toBe(current !== undefined && tags.includes(current))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('of a star holds for all; of anything else is a list or refused', () => {
    expect(readIfMatch(' * ')(undefined)).toBe(true)
    fc.assert(
      fc.property(fc.oneof(hostileText, tag.chain(mutated)), strong, (field, current) => {
        if (refused(field) || field.trim() === '*') return
        if (readIfMatch(field)(current)) expect(field).toContain(current)
        for (const letter of ['\u0000', '\ud800', '\u0100', '"']) expect(refused(`${field}${letter}`)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('Idempotency-Key', () => {
  const operation = { method: 'POST', requires: 'api-keys:write' } as Parameters<typeof repeatableOf>[0]
  const presented = (authorization: string) => ({ authorization, apiKey: undefined }) as never
  const of = (key: unknown, more: object = {}, path = '/v1/api-keys') =>
    repeatableOf(
      operation,
      { headers: { 'idempotency-key': key }, path } as never,
      { caller: {}, body: {}, query: {}, presented: presented('Bearer x'), scope: {}, ...more } as never,
    )

  test('is 1 to 255 visible ASCII characters, or refused; and taken as it is', () => {
    const visible = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7f }).map((code) => String.fromCharCode(code)),
      maxLength: 300,
    })
    fc.assert(
      fc.property(
        fc.oneof(
          visible,
          hostileText,
          fc.uuid(),
          fc.integer({ min: 253, max: 258 }).map((length) => 'k'.repeat(length)),
        ),
        (key) => {
          const good =
            key.length >= 1 &&
            key.length <= 255 &&
            Array.from({ length: key.length }, (_, at) => key.charCodeAt(at)).every(
              (code) => code > 0x20 && code < 0x7f,
            )
          if (good) expect(of(key)?.key).toBe(key)
          else expect(() => of(key)).toThrow(ApiError)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('goes with the credential whatever its scheme is called, and with all of the request', () => {
    const body = fc.jsonValue()
    fc.assert(
      fc.property(body, body, fc.constantFrom('/v1/api-keys', '/v1/teams'), (one, other, path) => {
        const [first, second] = [of('k', { body: one }), of('k', { body: other }, path)]
        const same = JSON.stringify(one) === JSON.stringify(other) && path === '/v1/api-keys'
        expect(first?.content === second?.content).toBe(same)
        expect(of('k', { presented: presented('bearer   secret') })?.credential).toBe('secret')
      }),
    )
  })
})

describe('a body', () => {
  test('with a text that PostgreSQL cannot keep, or nested without end, is found out at its place', () => {
    const text = fc.oneof(
      hostileText.map((each) => each.slice(0, 30)),
      fc.constantFrom('a\u0000', '\ud800x'),
    )
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.constantFrom(1, null, true),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(text, tie('any'), { maxKeys: 3, noNullPrototype: true }),
      ),
    })).any
    const bad = (each: unknown): number => {
      if (typeof each === 'string') return each.includes('\0') || !each.isWellFormed() ? 1 : 0
      return each instanceof Object ? Object.values(each).reduce<number>((sum, member) => sum + bad(member), 0) : 0
    }
    fc.assert(
      fc.property(value, fc.nat(40), (inner, depth) => {
        const found = wrongTexts(inner)
        expect(found.length).toBe(bad(inner))
        for (const { path } of found)
          expect(bad(path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)[key], inner))).toBe(1)
        let nested: unknown = 1
        for (let each = 0; each < depth; each++) nested = [nested]
        expect(wrongTexts(nested).length > 0).toBe(depth > 16)
      }),
      { numRuns: 500 },
    )
  })

  test('of names has what people can see and databases keep, and stays as it is', () => {
    fc.assert(
      fc.property(fc.oneof(hostileText, fc.string({ unit: 'grapheme', maxLength: 110 }), mutated('A name')), (text) => {
        for (const [schema, most] of [
          [name, 100],
          [label, 64],
          [description, 500],
        ] as const) {
          const parsed = schema.safeParse(text)
          if (!parsed.success) continue
          expect([parsed.data, text.length <= most, text.isWellFormed()]).toEqual([text, true, true])
          expect(hasControl(text) || /[\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(text)).toBe(false)
        }
        if (name.safeParse(text).success) expect(text.trim()).not.toBe('')
        expect(name.safeParse(` ${text.slice(0, 0)}`).success).toBe(false)
      }),
      { numRuns: 1_000 },
    )
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 10 }), (list) => {
        const once = tags.parse(list)
        expect([tags.parse(once), new Set(once)]).toEqual([once, new Set(list)])
      }),
    )
  })

  test('of times and limits is exact, or refused', () => {
    const limit = z.strictObject(cursorAndLimit)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: -5, max: 120 }).map(String),
          hostileText,
          fc.constantFrom('1e1', '0x10', ' 7 ', '', '1.5', 'Infinity', '٣'),
        ),
        (text) => {
          const parsed = limit.safeParse({ limit: text })
          if (parsed.success)
            expect([Number.isInteger(parsed.data.limit), parsed.data.limit >= 1, parsed.data.limit <= 100]).toEqual([
              true,
              true,
              true,
            ])
          if (/^[1-9]\d?$|^100$/.test(text))
            expect(parsed).toMatchObject({ success: true, data: { limit: Number(text) } })
          const time = expiresAt.safeParse(text)
          if (time.success) expect(time.data.getTime()).toBe(Date.parse(text))
        },
      ),
      { numRuns: 1_000 },
    )
  })
})
