import { timingSafeEqual } from 'node:crypto'
import { createHmacSha256, type Hmac } from './hmac.ts'
import type { MasterKeys } from './master-key.ts'

/** What is stored of a secret, and under which master key it was made. */
export interface SecretDigest {
  readonly hashKey: string
  readonly digest: Uint8Array
}

/** Keyed hashes: a stolen dump holds nothing usable, nor anything that can be guessed offline. */
export interface Digests {
  digest(value: string): { hashKey: string; digest: Buffer<ArrayBuffer> }
  /** Under every master key, base64url, the current one first: where to look for what was stored by its digest. */
  candidates(value: string): string[]
  /** Takes the same time for every value, wherever the first difference is. */
  matches(value: string, stored: SecretDigest): boolean
}

/** HMAC-SHA-256 under each master key's hashing subkey. */
export function createDigests({ current, all }: MasterKeys): Digests {
  const byId = new Map(all.map(({ id, hashing }) => [id, createHmacSha256(hashing)]))
  const hmacs = [...byId.values()]
  const currentHmac = byId.get(current.id) as Hmac
  const bytes = (hmac: Hmac, value: string) => Buffer.from(hmac(value, 'binary'), 'latin1')

  return {
    digest: (value) => ({ hashKey: current.id, digest: bytes(currentHmac, value) }),

    candidates: (value) => hmacs.map((hmac) => hmac(value, 'base64url')),

    matches(value, stored) {
      const hmac = byId.get(stored.hashKey)
      const computed = bytes(hmac ?? currentHmac, value)
      const comparable = stored.digest.length === computed.length
      // The comparison is made in any case; against itself where there is nothing to compare with.
      const equal = timingSafeEqual(computed, comparable ? stored.digest : computed)
      return equal && comparable && hmac !== undefined
    },
  }
}
