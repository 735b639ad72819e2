import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isChosenClientId, isChosenSecret } from '../../server/credentials/chosen-credential.ts'
import {
  newAppSecret,
  newEnterpriseKey,
  newPublicId,
  newStandardKey,
  splitKey,
} from '../../server/credentials/format.ts'
import { presentedClient } from '../../server/oauth/client-authentication.ts'
import { hostileText, mutated } from '../hostile-text.ts'

type Pair = readonly [clientId: string, clientSecret: string]

const key = fc
  .constant(0)
  .chain(() =>
    fc.constantFrom(
      newStandardKey('live', newPublicId()),
      newStandardKey('test', newPublicId()),
      newEnterpriseKey(newPublicId()),
    ),
  )
/** Every way to split a key that has its mode, and the pair that creation hands out. */
const keyPair: fc.Arbitrary<Pair> = key.chain((text) => {
  const places = [...text].flatMap((letter, at) => (letter === '_' ? [at] : []))
  const splits = places.map((at): Pair => [text.slice(0, at), text.slice(at + 1)])
  const { clientId, clientSecret } = splitKey(text)
  return fc.constantFrom<Pair[]>(...splits, [clientId, clientSecret])
})
const appPair: fc.Arbitrary<Pair> = fc.constant(0).map(() => {
  const id = newPublicId()
  return [`app_${id}`, newAppSecret('live', id)]
})
const ascii = (maxLength: number) =>
  fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength })
const chosenPair: fc.Arbitrary<Pair> = fc.tuple(
  ascii(49).filter(isChosenClientId),
  fc
    .tuple(
      fc.constantFrom('a1!', ':1b', '%A0', '+9z', '0-Z'),
      ascii(27).map((text) => `${text.replaceAll(' ', '~')}~~~~~`.slice(0, 27)),
    )
    .map((parts) => parts.join(''))
    .filter(isChosenSecret),
)
const goodPair = fc.oneof(keyPair, appPair, chosenPair)

/** RFC 6749 appendix B. */
const formEncoded = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)
const base64 = (text: string) => Buffer.from(text).toString('base64')
const basic = ([id, secret]: Pair, scheme = 'Basic') =>
  `${scheme} ${base64(`${formEncoded(id)}:${formEncoded(secret)}`)}`
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** What the credential that was found says that its client_id and client_secret were, joined. */
function joinedOf(result: ReturnType<typeof presentedClient>): string | undefined {
  if (!result.ok || result.value.method !== 'secret') return undefined
  const { credential } = result.value
  return credential.kind === 'chosen_secret' ? `${credential.clientId}_${credential.secret}` : credential.text
}
const isSame = (joined: string | undefined, [id, secret]: Pair) =>
  joined !== undefined &&
  [joined, joined.replace(/^tk_(?:live|test)_/, 'tk_'), `${id}_${joined}`].includes(`${id}_${secret}`)

describe('a pair that is good', () => {
  test('is found by the header, whatever is in it, and by the body: the very same', () => {
    fc.assert(
      fc.property(goodPair, fc.constantFrom('Basic', 'basic', 'BASIC', 'bAsIc'), (pair, scheme) => {
        const [client_id, client_secret] = pair
        const byHeader = presentedClient(basic(pair, scheme), {})
        const byBody = presentedClient(undefined, { client_id, client_secret })
        expect(isSame(joinedOf(byHeader), pair)).toBe(true)
        expect(joinedOf(byBody)).toBe(joinedOf(byHeader))
        expect([byHeader, byBody]).toMatchObject([
          { value: { clientId: client_id, challenge: true } },
          { value: { clientId: client_id, challenge: false } },
        ])
      }),
      { numRuns: 1_000 },
    )
  })

  test('may be said to be of no other client_id', () => {
    fc.assert(
      fc.property(
        goodPair,
        fc.oneof(
          hostileText,
          goodPair.map(([id]) => id),
        ),
        (pair, client_id) => {
          const result = presentedClient(basic(pair), { client_id })
          if (client_id === pair[0]) expect(result.ok).toBe(true)
          else expect(result).toMatchObject({ ok: false, error: { error: 'invalid_request' } })
        },
      ),
    )
  })

  test('is good for nothing with any other mechanism beside it (RFC 6749 §2.3)', () => {
    const more = fc.record(
      {
        client_secret: hostileText,
        client_assertion: hostileText,
        client_assertion_type: fc.constantFrom(ASSERTION_TYPE, 'x'),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        goodPair,
        more.filter((params) => Object.keys(params).length > 0),
        (pair, params) => {
          expect(presentedClient(basic(pair), params)).toMatchObject({ ok: false, error: { error: 'invalid_request' } })
          const [client_id, client_secret] = pair
          if ('client_assertion' in params) {
            const both = presentedClient(undefined, {
              client_id,
              client_secret,
              client_assertion: params.client_assertion,
            })
            expect(both).toMatchObject({ ok: false, error: { error: 'invalid_request' } })
          }
        },
      ),
    )
  })
})

describe('a header that somebody changed', () => {
  const changed = goodPair.chain((pair) =>
    fc.oneof(
      mutated(basic(pair)),
      mutated(`${formEncoded(pair[0])}:${formEncoded(pair[1])}`).map((text) => `Basic ${base64(text)}`),
      mutated(`${pair[0]}:${pair[1]}`).map((text) => `Basic ${base64(text)}`),
    ),
  )

  test('is refused, or says what it says: never another client', () => {
    fc.assert(
      fc.property(changed, (header) => {
        const result = presentedClient(header, {})
        if (!result.ok) return void expect(['invalid_request', 'invalid_client']).toContain(result.error.error)
        // Read again, by another reader.
        const text = Buffer.from(header.slice('Basic '.length), 'base64').toString()
        const colon = text.indexOf(':')
        const [id = '', secret = ''] = [text.slice(0, colon), text.slice(colon + 1)].map(
          (part) => new URLSearchParams(`x=${part.replaceAll('&', '%26')}`).get('x') ?? '',
        )
        expect(isSame(joinedOf(result), [id, secret])).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })

  test('with a control character, decoded or not, is malformed or of nobody', () => {
    const control = fc.constantFrom('\u0000', '\r', '\n', '\u001f', '\u007f', '%00', '%0a', '%7F')
    fc.assert(
      fc.property(goodPair, control, fc.nat({ max: 100 }), (pair, character, place) => {
        const text = pair.map(formEncoded).join(':')
        // Not within an escape, where it would be another escape.
        const at = Math.min(place, text.length)
        const header = `Basic ${base64(text.slice(0, at) + character + text.slice(at))}`
        const result = presentedClient(header, {})
        if (/%.?$/.test(text.slice(0, at))) return
        expect(result.ok).toBe(false)
      }),
      { numRuns: 500 },
    )
  })
})

describe('anything at all', () => {
  const params = fc.record(
    {
      client_id: hostileText,
      client_secret: hostileText,
      client_assertion: hostileText,
      client_assertion_type: fc.oneof(hostileText, fc.constant(ASSERTION_TYPE)),
    },
    { requiredKeys: [] },
  )
  const header = fc.oneof(
    hostileText,
    hostileText.map((text) => `Basic ${text}`),
    hostileText.map((text) => `Basic ${base64(text)}`),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
  )

  test('is one of the mechanisms, or an error that says none of it; never thrown', () => {
    fc.assert(
      fc.property(fc.option(header, { nil: undefined }), params, (authorization, sent) => {
        const result = presentedClient(authorization, sent)
        if (result.ok) {
          const { value } = result
          if (value.method === 'none') expect([authorization, value.clientId]).toEqual([undefined, sent.client_id])
          if (value.method === 'assertion')
            expect([authorization, value.assertion]).toEqual([undefined, sent.client_assertion])
          return
        }
        expect(['invalid_request', 'invalid_client']).toContain(result.error.error)
        for (const text of [authorization, ...Object.values(sent)]) {
          if (text !== undefined && text.length > 12 && text !== ASSERTION_TYPE)
            expect(result.error.description).not.toContain(text)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
