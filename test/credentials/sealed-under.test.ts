import { describe, expect, test } from 'vitest'
import { openUnder, sealUnder } from '../../server/credentials/sealed-under.ts'

describe('what is sealed under a secret', () => {
  test('opens with that secret, and with no other', () => {
    const sealed = sealUnder('kr_live_presented', 'kr_live_successor')
    expect(openUnder('kr_live_presented', sealed)).toBe('kr_live_successor')
    expect(() => openUnder('kr_live_other', sealed)).toThrow()
    const bytes = Buffer.from(sealed, 'base64url')
    bytes[20] = (bytes[20] as number) ^ 1
    expect(() => openUnder('kr_live_presented', bytes.toString('base64url'))).toThrow()
  })

  test('differs each time', () => {
    expect(sealUnder('a', 'b')).not.toBe(sealUnder('a', 'b'))
  })
})
