import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/**
 * Text that opens for whoever can show `secret` again, and for nobody else: the key comes from it (126 random bits or
 * more), and it isn't stored, so a dump of the store opens nothing.
 */
export function sealUnder(secret: string, text: string): string {
  const iv = randomBytes(IV)
  const cipher = createCipheriv(ALGORITHM, keyOf(secret), iv, { authTagLength: TAG })
  const body = [cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat([iv, ...body]).toString('base64url')
}

/** @throws if it was sealed under another secret, or altered. */
export function openUnder(secret: string, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64url')
  const decipher = createDecipheriv(ALGORITHM, keyOf(secret), bytes.subarray(0, IV), { authTagLength: TAG })
  decipher.setAuthTag(bytes.subarray(-TAG))
  return Buffer.concat([decipher.update(bytes.subarray(IV, -TAG)), decipher.final()]).toString('utf8')
}

const ALGORITHM = 'aes-256-gcm'
const IV = 12
const TAG = 16

const keyOf = (secret: string): Buffer => Buffer.from(hkdfSync('sha256', secret, '', 'keycourt/v1/sealed under', 32))
