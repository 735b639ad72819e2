import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readBody } from '../../server/http/body.ts'
import { hostileText } from '../hostile-text.ts'

const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 })

/** A request whose body arrives in these pieces; with `end: false` its connection is gone after them. */
function requestOf(pieces: readonly Uint8Array[], headers: object = {}, end = true): IncomingMessage {
  const left = pieces.map((piece) => Buffer.from(piece))
  const stream = new Readable({
    read() {
      const next = left.shift()
      if (next) this.push(next)
      else if (end) this.push(null)
      else this.destroy()
    },
  })
  return Object.assign(stream, { headers }) as unknown as IncomingMessage
}

test('a body is whole, or too large: by one byte, whatever it says of its length', async () => {
  await fc.assert(
    fc.asyncProperty(
      chunks,
      fc.integer({ min: -3, max: 3 }),
      fc.option(fc.nat(400), { nil: undefined }),
      async (pieces, off, said) => {
        const whole = Buffer.concat(pieces)
        const limit = Math.max(whole.length + off, 0)
        const headers = said === undefined ? {} : { 'content-length': String(said) }
        const fits = whole.length <= limit && (said ?? 0) <= limit
        const expected = fits ? { ok: true, text: whole.toString() } : { ok: false, failure: 'too_large' }
        expect(await readBody(requestOf(pieces, headers), limit)).toEqual(expected)
      },
    ),
    { numRuns: 500 },
  )
})

test('what is cut off is no body', async () => {
  await fc.assert(
    fc.asyncProperty(chunks, async (pieces) => {
      expect(await readBody(requestOf(pieces, {}, false), 1_000)).toEqual({ ok: false, failure: 'aborted' })
    }),
  )
})

test('what is encoded in any way but as it is, is not read', async () => {
  const encodings = fc.oneof(fc.constantFrom('gzip', 'identity', 'Identity', 'identity, gzip', 'br'), hostileText)
  await fc.assert(
    fc.asyncProperty(encodings, chunks, async (encoding, pieces) => {
      const result = await readBody(requestOf(pieces, { 'content-encoding': encoding }), 1_000)
      expect(result.ok).toBe(encoding === 'identity')
      if (!result.ok) expect(result.failure).toBe('encoded')
    }),
  )
})
