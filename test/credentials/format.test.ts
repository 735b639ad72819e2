import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  newAccessToken,
  newClientRef,
  newEnterpriseKey,
  newPersonalAccessToken,
  newPublicId,
  newRecordId,
  newServiceToken,
  newStandardKey,
  parseClientSecret,
  parseCredential,
  splitKey,
} from '../../server/credentials/format.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const mode = fc.constantFrom('live' as const, 'test' as const)
/** Every form of credential that is issued; made anew for each run. */
const issued = fc.oneof(
  mode.map((each) => newStandardKey(each, newPublicId())),
  mode.map((each) => newServiceToken(each, newPublicId())),
  mode.map((each) => newPersonalAccessToken(each, newPublicId())),
  mode.map((each) => newAccessToken(each, newClientRef())),
  fc.constant(0).map(() => newEnterpriseKey(newPublicId())),
)

/** CRC-32 (ISO 3309, as in zip and PNG), bit by bit: the definition, and not the library that the server uses. */
function crc32(text: string): number {
  let crc = 0xffffffff
  for (const byte of Buffer.from(text)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

function base62(value: number): string {
  let text = ''
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) text = BASE62[rest % 62] + text
  return text.padStart(6, '0')
}

/** With the right checksum, whatever it is. */
const sealed = (body: string): string => body + base62(crc32(body))

const SECRET = 'A'.repeat(43)

/** Computed with Python's zlib. */
const VECTORS = ['4ZHNsl', '1ZDOsS', '0Dk7Ai', '4WX2nq', '3aAnId']

describe('the checksum', () => {
  test('the CRC-32 of "123456789" is cbf43926, as everybody has it', () => {
    expect(crc32('123456789').toString(16)).toBe('cbf43926')
  })

  test('known vectors', () => {
    const vectors = [
      `tk_live_abcdefghijkl_${SECRET}`,
      `tk_test_22222222_${SECRET}`,
      `st_test_abcdefgh234567_${SECRET}`,
      `AKEABCDEFGH_${SECRET}`,
      `kc_live_Zz019abc${SECRET}`,
    ].map(sealed)
    expect(vectors.map((text) => text.slice(-6))).toEqual(VECTORS)
    for (const text of vectors) expect(parseCredential(text)?.text).toBe(text)
  })

  test('the last six characters are the CRC-32 of everything before them, in base62', () => {
    fc.assert(
      fc.property(issued, (text) => {
        expect(sealed(text.slice(0, -6))).toBe(text)
      }),
    )
  })
})

describe('parsing', () => {
  test('what was issued, to itself', () => {
    fc.assert(
      fc.property(issued, (text) => {
        expect(parseCredential(text)).toMatchObject({ text })
      }),
    )
  })

  test('the parts of it', () => {
    const [id, ref] = [newPublicId(), newClientRef()]
    expect(id).toMatch(/^[a-z2-7]{8,}$/)
    for (const each of ['live', 'test'] as const) {
      const parts = { mode: each, publicId: id }
      expect(parseCredential(newStandardKey(each, id))).toMatchObject({ kind: 'standard_key', ...parts })
      expect(parseCredential(newServiceToken(each, id))).toMatchObject({ kind: 'service_token', ...parts })
      const token = parseCredential(newAccessToken(each, ref))
      expect(token).toMatchObject({ kind: 'access_token', mode: each, clientRef: ref })
    }
    const enterprise = { kind: 'enterprise_key', mode: 'live', publicId: id }
    expect(parseCredential(newEnterpriseKey(id))).toMatchObject(enterprise)
  })

  test('none with one character changed', () => {
    const replacement = fc.oneof(
      fc.constantFrom(...BASE62),
      fc.constantFrom('_', '-', ' ', '\u0000', 'é', 'Ａ', '\ud800'),
    )
    fc.assert(
      fc.property(issued, fc.nat(), replacement, (text, position, character) => {
        const at = position % text.length
        fc.pre(text[at] !== character)
        expect(parseCredential(text.slice(0, at) + character + text.slice(at + 1))).toBeUndefined()
      }),
      { numRuns: 5000 },
    )
  })

  test('none with two neighbours swapped', () => {
    fc.assert(
      fc.property(issued, fc.nat(), (text, position) => {
        const at = position % (text.length - 1)
        const [a, b] = [text[at] as string, text[at + 1] as string]
        fc.pre(a !== b)
        expect(parseCredential(text.slice(0, at) + b + a + text.slice(at + 2))).toBeUndefined()
      }),
      { numRuns: 2000 },
    )
  })

  test('none shortened, extended at either end, or in another letter case', () => {
    const [text] = [newStandardKey('live', newPublicId())]
    const all = [text, newAccessToken('test', newClientRef()), newEnterpriseKey(newPublicId())]
    for (const whole of all) {
      for (let length = 0; length < whole.length; length++) {
        expect(parseCredential(whole.slice(0, length))).toBeUndefined()
        expect(parseCredential(whole.slice(whole.length - length))).toBeUndefined()
      }
      for (const more of [...BASE62, ' ', '\n', '\u0000', '_', '=', '%00']) {
        expect([parseCredential(whole + more), parseCredential(more + whole)]).toEqual([undefined, undefined])
      }
      expect([parseCredential(whole.toUpperCase()), parseCredential(whole.toLowerCase())]).toEqual([
        undefined,
        undefined,
      ])
    }
  })

  test('none written in look-alikes that NFKC makes equal', () => {
    fc.assert(
      fc.property(issued, (text) => {
        const fullWidth = text.replace(/[A-Za-z0-9]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0))
        expect(fullWidth.normalize('NFKC')).toBe(text)
        expect([parseCredential(fullWidth), parseCredential(sealed(fullWidth))]).toEqual([undefined, undefined])
      }),
    )
  })

  test.each([
    `tk_live_abcdefg_${SECRET}`,
    `tk_live_ABCDEFGH_${SECRET}`,
    `tk_live_abcdefg1_${SECRET}`,
    `tk_live_${'a'.repeat(33)}_${SECRET}`,
    `tk_prod_abcdefgh_${SECRET}`,
    `TK_live_abcdefgh_${SECRET}`,
    `tk_abcdefgh_${SECRET}`,
    `tk_live_abcdefgh_${SECRET.slice(1)}`,
    `tk_live_abcdefgh_${SECRET}A`,
    `tk_live_abcdefgh_${SECRET.slice(1)}_`,
    `pk_live_abcdefgh_${SECRET}`,
    `kr_live_abcdefgh${SECRET}`,
    `AKEabcdefgh_${SECRET}`,
    `AKE_${SECRET}`,
    `kc_live_abcdefg_${SECRET}`,
    `kc_live_${SECRET}`,
    `\ntk_live_abcdefgh_${SECRET}`,
    '',
  ])('the right checksum alone makes no credential: %j', (body) => {
    expect(parseCredential(sealed(body))).toBeUndefined()
  })

  test('any string whatever: no error, and nothing long is looked at', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(parseCredential(text)).toBeUndefined()
      }),
    )
    expect(parseCredential(sealed(`tk_live_abcdefgh_${'A'.repeat(1_000_000)}`))).toBeUndefined()
  })
})

describe('a key is a client', () => {
  const splitsOf = (key: string): [string, string][] =>
    [...key.matchAll(/_/g)].map(({ index }) => [key.slice(0, index), key.slice(index + 1)])

  test('every way to split it, with or without the mode segment', () => {
    fc.assert(
      fc.property(mode, (each) => {
        const key = newStandardKey(each, newPublicId())
        const splits = [...splitsOf(key), ...splitsOf(key.replace(`_${each}_`, '_'))]
        expect(splits).toHaveLength(5)
        for (const [id, secret] of splits) {
          expect(parseClientSecret(id, secret)).toMatchObject({ kind: 'standard_key', mode: each, text: key })
        }
      }),
    )
  })

  test('an enterprise key has one', () => {
    const key = newEnterpriseKey(newPublicId())
    const [[id, secret] = ['', '']] = splitsOf(key)
    expect(parseClientSecret(id, secret)).toMatchObject({ kind: 'enterprise_key', text: key })
  })

  test('the canonical pair joins to the key', () => {
    const id = newPublicId()
    const key = newStandardKey('test', id)
    const { clientId, clientSecret } = splitKey(key)
    expect([clientId, clientSecret]).toEqual([`tk_${id}`, key.slice(-49)])
    const enterprise = newEnterpriseKey(id)
    const pair = splitKey(enterprise)
    expect([pair.clientId, `${pair.clientId}_${pair.clientSecret}`]).toEqual([`AKE${id.toUpperCase()}`, enterprise])
  })

  test('not split elsewhere, nor with the halves exchanged or empty', () => {
    const key = newStandardKey('live', newPublicId())
    for (let at = 0; at <= key.length; at++) {
      if (key[at] === '_') continue
      expect(parseClientSecret(key.slice(0, at), key.slice(at))).toBeUndefined()
    }
    const { clientId, clientSecret } = splitKey(key)
    for (const [id, secret] of [
      [clientSecret, clientId],
      ['', key],
      [key, ''],
      [clientId, ''],
      ['', ''],
      [clientId, `_${clientSecret}`],
      [`${clientId}_`, clientSecret],
    ] as const) {
      expect(parseClientSecret(id, secret)).toBeUndefined()
    }
  })

  test('service tokens and access tokens are no clients', () => {
    for (const text of [newServiceToken('live', newPublicId()), newAccessToken('live', newClientRef())]) {
      for (const [id, secret] of splitsOf(text)) expect(parseClientSecret(id, secret)).toBeUndefined()
    }
  })
})

test('record ids never look like credentials', () => {
  for (const kind of ['key', 'svt', 'res', 'evt', 'su', 'ten']) {
    const id = newRecordId(kind)
    expect(id).toMatch(new RegExp(`^${kind}_[a-z2-7]{16}$`))
    expect(parseCredential(id)).toBeUndefined()
  }
})
