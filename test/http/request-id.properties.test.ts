import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  newAccessToken,
  newAppSecret,
  newClientRef,
  newEnterpriseKey,
  newPublicId,
  newStandardKey,
} from '../../server/credentials/format.ts'
import { requestIdOf, requestLog } from '../../server/http/request-log.ts'
import { hostileText } from '../hostile-text.ts'

/** What the request is called in its answer, and for all that comes after. */
async function nameOf(sent: string, trustProxy: boolean) {
  const said: unknown[] = []
  const answer: Record<string, string> = {}
  const ctx = {
    ...{ state: {} as Record<string, unknown>, path: '/', method: 'GET', status: 200, ip: '::1' },
    get: (name: string) => (name === 'x-request-id' ? sent : ''),
    set: (name: string, value: string) => void Object.assign(answer, { [name]: value }),
  }
  await requestLog((about) => said.push(about.state.requestId), trustProxy)(ctx as never, async () => {})
  const { requestId } = ctx.state
  expect([answer['X-Request-Id'], said, trustProxy && requestIdOf(sent) === sent]).toEqual([
    ...[requestId, [requestId], requestId === sent],
  ])
  return requestId as string
}

const OURS = /^req_[0-9A-Za-z]{20}$/
const named = fc.string({ unit: fc.constantFrom(...'abzAZ09_.:-'), minLength: 6, maxLength: 130 })
const credential = fc
  .constant(0)
  .chain(() =>
    fc.constantFrom(
      newStandardKey('live', newPublicId()),
      newAccessToken('test', newClientRef()),
      newEnterpriseKey(newPublicId()),
      newAppSecret('live', newPublicId()),
      'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.sig',
    ),
  )

test('what a trusted proxy calls it is kept where it is a plain name, else it gets one of ours', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        named,
        fc.uuid(),
        hostileText,
        fc.constantFrom(7, 8, 128, 129).map((length) => 'a'.repeat(length)),
      ),
      async (sent) => {
        const name = await nameOf(sent, true)
        if (name !== sent) return void expect(name).toMatch(OURS)
        expect([sent.length >= 8, sent.length <= 128]).toEqual([true, true])
        expect(
          [...sent].every((letter) =>
            'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-'.includes(letter),
          ),
        ).toBe(true)
      },
    ),
    { numRuns: 1_000 },
  )
  await fc.assert(fc.asyncProperty(fc.uuid(), async (sent) => void expect(await nameOf(sent, true)).toBe(sent)))
})

test('what anybody else calls it is not looked at, and two are never called the same', async () => {
  const names = new Set<string>()
  await fc.assert(
    fc.asyncProperty(fc.oneof(named, hostileText), async (sent) => {
      const name = await nameOf(sent, false)
      expect(name).toMatch(OURS)
      expect(names.has(name)).toBe(false)
      names.add(name)
    }),
    { numRuns: 500 },
  )
})

test('a credential is no name, wherever it stands in it: it would be logged, audited and sent back', async () => {
  const edge = fc.constantFrom('', 'req-', 'x:', 'a.', 'trace-1.')
  await fc.assert(
    fc.asyncProperty(edge, credential, edge, async (before, secret, after) => {
      const name = await nameOf(before + secret + after, true)
      expect(name).not.toContain(secret.slice(-20))
      expect(name).toMatch(OURS)
    }),
    { numRuns: 500 },
  )
})
