import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RequestContext } from '../../server/http/context.ts'
import { readForm } from '../../server/http/form.ts'
import { hostileText, mutated } from '../hostile-text.ts'

const FORM = 'application/x-www-form-urlencoded'
const LIMIT = 4_096

/** As Koa hands it on: a body that arrives in these pieces. */
function contextOf(chunks: readonly Uint8Array[], contentType = FORM): RequestContext {
  const req = Object.assign(
    Readable.from(
      chunks.filter(({ length }) => length > 0).map((chunk) => Buffer.from(chunk)),
      { objectMode: true },
    ),
    {
      headers: { 'content-type': contentType },
      rawHeaders: ['Content-Type', contentType],
    },
  )
  return { req, get: (name: string) => (name === 'content-type' ? contentType : '') } as unknown as RequestContext
}

/** The same bytes, cut anywhere: in the middle of an escape or of a character, too. */
const inPieces = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const cuts = [...places.map((place) => place % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b)
  return cuts.slice(1).map((end, at) => bytes.subarray(cuts[at], end))
}
const read = (text: string, places: readonly number[] = [], contentType = FORM) =>
  readForm(contextOf(inPieces(Buffer.from(text), places), contentType), LIMIT)

const REPEATABLE = ['resource', 'audience']
const wellFormed = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => text.isWellFormed())
const name = fc.oneof(
  fc.constantFrom(
    'client_id',
    'grant_type',
    'scope',
    'token',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'resource[]',
    'a.b',
  ),
  wellFormed.filter((text) => text !== '' && !REPEATABLE.includes(text)),
)
const fields = fc.uniqueArray(fc.tuple(name, wellFormed), { selector: ([each]) => each, maxLength: 8 })
const places = fc.array(fc.nat(10_000), { maxLength: 6 })

describe('a form', () => {
  test('is read as it was written, in whatever pieces it arrives; what is empty is left out', async () => {
    await fc.assert(
      fc.asyncProperty(fields, fc.array(wellFormed, { maxLength: 3 }), places, async (pairs, resources, cuts) => {
        const all = [...pairs, ...resources.map((value) => ['resource', value] as [string, string])]
        const result = await read(new URLSearchParams(all).toString(), cuts)
        expect(result.ok).toBe(true)
        if (!result.ok) return
        const { params, resource, audience } = result.value
        // In its own members alone: nothing is inherited, and nothing reaches a prototype.
        expect(Object.getPrototypeOf(params)).toBeNull()
        const { resource: _, ...others } = params
        expect(new Map(Object.entries(others))).toEqual(new Map(pairs.filter(([, value]) => value !== '')))
        expect([resource, audience]).toEqual([resources.filter(Boolean), []])
      }),
      { numRuns: 500 },
    )
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  test('RFC 6749 §3.2: with a parameter twice, wherever, is refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fields.filter((pairs) => pairs.length > 0),
        fc.nat(),
        fc.nat(),
        wellFormed,
        async (pairs, which, where, value) => {
          const [twice] = pairs[which % pairs.length] as [string, string]
          const all = pairs.toSpliced(where % (pairs.length + 1), 0, [twice, value])
          expect(await read(new URLSearchParams(all).toString())).toMatchObject({
            ok: false,
            error: { error: 'invalid_request' },
          })
        },
      ),
    )
  })

  test('means the same in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fields, fc.infiniteStream(fc.nat()), async (pairs, random) => {
        const shuffled = pairs.map((pair) => [random.next().value as number, pair] as const).sort(([a], [b]) => a - b)
        const [one, other] = [
          await read(new URLSearchParams(pairs).toString()),
          await read(new URLSearchParams(shuffled.map(([, pair]) => pair)).toString()),
        ]
        expect(other).toEqual(one)
      }),
    )
  })
})

describe('anything at all', () => {
  test('is a form or is refused: any bytes, in any pieces, broken escapes and broken UTF-8', async () => {
    const near = fields
      .map((pairs) => new URLSearchParams(pairs).toString())
      .chain(mutated)
      .map((text) => Buffer.from(text))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
      near,
      hostileText.map((text) => Buffer.from(text)),
    )
    await fc.assert(
      fc.asyncProperty(bytes, places, async (body, cuts) => {
        const [whole, cut] = [
          await readForm(contextOf([body]), LIMIT),
          await readForm(contextOf(inPieces(body, cuts)), LIMIT),
        ]
        expect(cut).toEqual(whole)
        if (body.length > LIMIT) expect(whole).toMatchObject({ ok: false, error: { status: 413 } })
        if (!whole.ok) return void expect(whole.error.error).toBe('invalid_request')
        for (const [key, value] of Object.entries(whole.value.params))
          expect([typeof key, typeof value, value === '']).toEqual(['string', 'string', false])
      }),
      { numRuns: 500 },
    )
  })

  test('of another type is not looked at', async () => {
    const types = fc.oneof(
      hostileText,
      mutated(FORM),
      fc.constantFrom('application/json', `text/plain; ${FORM}`, `${FORM}-x`, `${FORM}, application/json`),
    )
    await fc.assert(
      fc.asyncProperty(types, async (type) => {
        const isForm = /^application\/x-www-form-urlencoded$/i.test((type.split(';')[0] as string).trimEnd())
        const result = await read('grant_type=x', [], type)
        expect(result.ok).toBe(isForm && !/^\s/.test(type))
      }),
    )
  })
})
