import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHmacSha256 } from '../../server/credentials/hmac.ts'

/** RFC 4231 §4.2 to §4.8 (§4.6 is of a shortened one): key and data, in hex, and HMAC-SHA-256. */
test.each([
  ['0b'.repeat(20), '4869205468657265', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    '4a656665',
    '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'aa'.repeat(131),
    Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First').toString('hex'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
])('RFC 4231: a key of %s', (key, data, expected) => {
  const hmac = createHmacSha256(createSecretKey(key, 'hex'))
  expect(hmac(Buffer.from(data, 'hex').toString(), 'hex')).toBe(expected)
})

test('RFC 2104 §2: as createHmac has it, whatever the key, the text and its length, one after the other', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 1_300, maxLength: 1_400 }))
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.array(text), (key, texts) => {
      const secret = createSecretKey(key)
      const hmac = createHmacSha256(secret)
      for (const each of texts) {
        expect(hmac(each, 'base64url')).toBe(createHmac('sha256', secret).update(each).digest('base64url'))
      }
    }),
  )
})

test('a text that fills the buffer to the last byte, and one that is longer', () => {
  const secret = createSecretKey(randomBytes(32))
  const hmac = createHmacSha256(secret)
  for (const length of [0, 1, 1_365, 1_366, 4_096, 100_000]) {
    for (const text of ['€'.repeat(length), 'a'.repeat(length)]) {
      expect(hmac(text, 'hex')).toBe(createHmac('sha256', secret).update(text).digest('hex'))
    }
  }
})

test('the 32 bytes as they are', () => {
  const secret = createSecretKey(randomBytes(32))
  const bytes = Buffer.from(createHmacSha256(secret)('value', 'binary'), 'latin1')
  expect(bytes).toEqual(createHmac('sha256', secret).update('value').digest())
})
