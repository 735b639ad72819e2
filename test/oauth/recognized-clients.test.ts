import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Authenticated } from '../../server/credentials/authenticator.ts'
import { createRecognizedClients } from '../../server/oauth/recognized-clients.ts'

const NOW = 1_000_000
const HOME = '198.51.100.7'

type Changes = { [Part in keyof Authenticated]?: Partial<Authenticated[Part]> }

/** As far as it is looked at. */
const client = ({ client, tenant, secret }: Changes = {}): Authenticated =>
  ({
    client: { id: 'key_1', ...client },
    tenant: { id: 'ten_1', status: 'active', allowedNetworks: [], ...tenant },
    secret: { id: 'sec_1', ...secret },
  }) as unknown as Authenticated

const open = (capacity?: number) =>
  createRecognizedClients({ clock: { now: () => NOW }, ...(capacity && { capacity }) })

const HEADER = 'Basic dGs6c2VjcmV0'
const BODY = { client_id: 'tk_1', client_secret: 'secret' }

test('whoever shows the same again is recognized: by the header, or in the body', () => {
  const recognized = open()
  const [one, other] = [client(), client()]
  recognized.keep(HEADER, {}, one)
  recognized.keep(undefined, BODY, other)
  expect(recognized.find(HEADER, {}, HOME)).toBe(one)
  expect(recognized.find(undefined, BODY, HOME)).toBe(other)
})

test.each<[string, string | undefined, object]>([
  ['nothing', undefined, {}],
  ['a name alone', undefined, { client_id: 'tk_1' }],
  ['another secret', undefined, { ...BODY, client_secret: 'secrez' }],
  ['another name', undefined, { ...BODY, client_id: 'tk_2' }],
  ['another header', 'Basic dGs6c2VjcmVz', {}],
  ['a header in other letters', HEADER.toLowerCase(), {}],
  ['a header, and a name that it may not be of', HEADER, { client_id: 'tk_2' }],
  // RFC 6749 §2.3: one method, not several.
  ['a header, and a secret', HEADER, BODY],
  ['a header, and an assertion', HEADER, { client_assertion: 'a.b.c' }],
  ['a header, and the type of an assertion', HEADER, { client_assertion_type: 'urn:x' }],
  ['a secret, and an assertion', undefined, { ...BODY, client_assertion: 'a.b.c' }],
])('is recognized by nothing else: %s', (_, authorization, params) => {
  const recognized = open()
  recognized.keep(HEADER, {}, client())
  recognized.keep(undefined, BODY, client())
  expect(recognized.find(authorization, params, HOME)).toBeUndefined()
})

test('what holds two methods, or none, is not kept either', () => {
  const recognized = open()
  for (const params of [BODY, { client_assertion: 'a.b.c' }]) {
    recognized.keep(HEADER, params, client())
    expect(recognized.find(HEADER, params, HOME)).toBeUndefined()
  }
  recognized.keep(undefined, { client_id: 'tk_1' }, client())
  expect(recognized.find(undefined, { client_id: 'tk_1' }, HOME)).toBeUndefined()
})

test('no two that differ are taken for one, however they are put together', () => {
  const part = fc.option(fc.string({ unit: fc.constantFrom('a', ':', 'header', 'body'), maxLength: 4 }), {
    nil: undefined,
  })
  // Only what authenticates is kept, and that holds no line end; what is shown may hold anything.
  const wild = fc.option(fc.string({ unit: fc.constantFrom('a', ':', 'header', 'body', '\n'), maxLength: 8 }), {
    nil: undefined,
  })
  const shown = (of: typeof part) => fc.record({ authorization: of, client_id: of, client_secret: of })
  fc.assert(
    fc.property(shown(part), shown(wild), (kept, asked) => {
      const recognized = open(1)
      recognized.keep(kept.authorization, kept, client())
      const isSame =
        kept.authorization === asked.authorization &&
        (kept.client_id ?? '') === (asked.client_id ?? '') &&
        kept.client_secret === asked.client_secret
      if (!isSame) expect(recognized.find(asked.authorization, asked, HOME)).toBeUndefined()
    }),
    { numRuns: 5_000 },
  )
})

test.each<[string, Changes]>([
  ['its secret was revoked', { secret: { revokedAt: NOW } }],
  ['its secret is over', { secret: { expiresAt: NOW } }],
  ['it was revoked', { client: { revokedAt: NOW } }],
  ['it is over', { client: { expiresAt: NOW } }],
  ['it is switched off', { client: { disabledAt: NOW } }],
  ['its tenant is paused', { tenant: { status: 'paused' } }],
  ['its tenant allows other networks alone', { tenant: { allowedNetworks: [['203.0.113.0/24']] } }],
])('is left to the whole pipeline if the copy says so: %s', (_, changes) => {
  const recognized = open()
  recognized.keep(HEADER, {}, client(changes))
  expect(recognized.find(HEADER, {}, HOME)).toBeUndefined()
})

test('remembers no more than it may, and the newest of them', () => {
  const recognized = open(2)
  for (const header of ['Basic one', 'Basic two', 'Basic three']) recognized.keep(header, {}, client())
  const found = ['Basic one', 'Basic two', 'Basic three'].map(
    (header) => recognized.find(header, {}, HOME) !== undefined,
  )
  expect(found).toEqual([false, true, true])
})
