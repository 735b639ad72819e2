import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { MasterKeys } from './master-key.ts'

/** Sealed text that doesn't open: under a master key that isn't configured, altered, or in a place it wasn't made for. */
export class CannotOpen extends Error {
  override readonly name = 'CannotOpen'
}

const ALGORITHM = 'aes-256-gcm'
const IV = 12
const TAG = 16
const ENVELOPE = /^v1\.([0-9a-f]{8})\.([\w-]{16})\.([\w-]+)$/

/**
 * AES-256-GCM under the current master key: `v1.<masterKeyId>.<iv>.<ciphertext+tag>`, base64url.
 * @param context where it is kept; authenticated, so that sealed text moved to another row doesn't open there.
 */
export function seal({ current }: MasterKeys, plaintext: string, context: string): string {
  const iv = randomBytes(IV)
  const cipher = createCipheriv(ALGORITHM, current.sealing, iv, { authTagLength: TAG }).setAAD(Buffer.from(context))
  const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `v1.${current.id}.${iv.toString('base64url')}.${body.toString('base64url')}`
}

/** @throws {CannotOpen} with a sentence for the operator, without any of the content. */
export function open({ all }: MasterKeys, sealed: string, context: string): string {
  const [, id, iv, body] = ENVELOPE.exec(sealed) ?? []
  if (!id || !iv || !body) throw new CannotOpen(`What is sealed for ${context} is not in a known form.`)
  const key = all.find((candidate) => candidate.id === id)
  if (!key) {
    const known = all.map((candidate) => candidate.id).join(', ')
    throw new CannotOpen(
      `What is sealed for ${context} was sealed under master key ${id}, which is not among those configured (${known}). ` +
        'Add that key to KC_MASTER_KEY, after a comma.',
    )
  }
  const bytes = Buffer.from(body, 'base64url')
  try {
    const decipher = createDecipheriv(ALGORITHM, key.sealing, Buffer.from(iv, 'base64url'), { authTagLength: TAG })
    decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG))
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG)), decipher.final()]).toString('utf8')
  } catch (error) {
    throw new CannotOpen(`What is sealed for ${context} was altered, or belongs elsewhere.`, { cause: error })
  }
}

/** Whether it was sealed under an older master key and should be sealed anew. */
export const isStale = ({ current }: MasterKeys, sealed: string): boolean => !sealed.startsWith(`v1.${current.id}.`)
