import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
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
  /** Takes the same time for every wrong value, wherever the first difference is; a right one that was shown before is quicker. */
  matches(value: string, stored: SecretDigest): boolean
}

/** HMAC-SHA-256 under each master key's hashing subkey. */
export function createDigests({ current, all }: MasterKeys): Digests {
  const hmac = (key: MasterKey, value: string) => createHmac('sha256', key.hashing).update(value)
  const byId = new Map(all.map((key) => [key.id, key]))
  const proven = createProven()

  return {
    digest: (value) => ({ hashKey: current.id, digest: hmac(current, value).digest() }),

    candidates: (value) => all.map((key) => hmac(key, value).digest('base64url')),

    matches(value, stored) {
      const print = proven.printOf(value)
      if (proven.was(stored, print)) return true
      const key = byId.get(stored.hashKey)
      const computed = hmac(key ?? current, value).digest()
      const comparable = stored.digest.length === computed.length
      // The comparison is made in any case; against itself where there is nothing to compare with.
      const equal = timingSafeEqual(computed, comparable ? stored.digest : computed)
      const right = equal && comparable && key !== undefined
      if (right) proven.keep(stored, print)
      return right
    },
  }
}

/**
 * Which value was found to be right for a copy of a digest, as a plain hash, salted by this process: a keyed one costs
 * several times as much, and the same key is shown thousands of times a second. It goes with the copy, and is never stored.
 */
function createProven() {
  const salt = randomBytes(32).toString('base64url')
  const prints = new WeakMap<SecretDigest, Buffer>()
  return {
    printOf: (value: string): Buffer => hash('sha256', salt + value, 'buffer'),
    was(stored: SecretDigest, print: Buffer): boolean {
      const before = prints.get(stored)
      return before !== undefined && timingSafeEqual(before, print)
    },
    keep: (stored: SecretDigest, print: Buffer): void => void prints.set(stored, print),
  }
}
