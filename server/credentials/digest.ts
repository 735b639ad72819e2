import { createHmac, timingSafeEqual } from 'node:crypto'
import type { MasterKey, MasterKeys } from './master-key.ts'

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
  /** Takes the same time whatever the answer and wherever the first difference is. */
  matches(value: string, stored: SecretDigest): boolean
}

/** HMAC-SHA-256 under each master key's hashing subkey. */
export function createDigests({ current, all }: MasterKeys): Digests {
  const under = (key: MasterKey, value: string) => createHmac('sha256', key.hashing).update(value).digest()
  const byId = new Map(all.map((key) => [key.id, key]))

  return {
    digest: (value) => ({ hashKey: current.id, digest: under(current, value) }),

    candidates: (value) => all.map((key) => under(key, value).toString('base64url')),

    matches(value, stored) {
      const key = byId.get(stored.hashKey)
      const computed = under(key ?? current, value)
      const comparable = stored.digest.length === computed.length
      // The comparison is made in any case; against itself where there is nothing to compare with.
      const equal = timingSafeEqual(computed, comparable ? stored.digest : computed)
      return equal && comparable && key !== undefined
    },
  }
}
