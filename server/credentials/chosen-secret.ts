import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { LRUCache } from 'lru-cache'
import { randomBase62 } from './base62.ts'
import type { SecretDigest } from './digest.ts'
import { createHmacSha256 } from './hmac.ts'
import type { MasterKey, MasterKeys } from './master-key.ts'

/** Secrets that people choose, and that can therefore be guessed: slow to verify, and good for nothing in a dump. */
export interface ChosenSecrets {
  /** Slow, and one after the other: who sets many secrets at once leaves the threads to those who authenticate. */
  hash(secret: string): Promise<{ hashKey: string; digest: Buffer<ArrayBuffer> }>
  /** Slow. @param stored undefined: of nobody, which takes as long. */
  verify(secret: string, stored: SecretDigest | undefined): Promise<boolean>
  /** Whether this very secret was found right before, against this very hash. Takes no time to speak of. */
  wasRight(secret: string, stored: SecretDigest): boolean
}

/** argon2id as OWASP wants it at least: 19 MiB, two passes, some 20 ms. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** Of those that authenticate again and again; each takes some 200 bytes. */
const REMEMBERED = 20_000

export function createChosenSecrets({ current, all }: MasterKeys, remembered = REMEMBERED): ChosenSecrets {
  const peppers = new Map(all.map((key) => [key.id, pepperOf(key)]))
  const pepper = pepperOf(current)
  const decoy = hash(randomBase62(20), { ...COST, secret: pepper })
  decoy.catch(() => {})

  /**
   * Under a key that this process alone has, and that is nowhere else. Whose hash it was is part of it: a changed secret
   * has another hash, and so what was remembered of the old one is never asked for again, on any node.
   */
  const memory = createHmacSha256(randomBytes(32))
  const right = new LRUCache<string, true>({ max: remembered })
  const nameOf = (secret: string, { digest }: SecretDigest): string =>
    memory(`${secret}\0${Buffer.from(digest)}`, 'base64url')

  let lastHashed: Promise<unknown> = Promise.resolve()

  return {
    async hash(secret) {
      const hashed = lastHashed.then(() => hash(secret, { ...COST, secret: pepper }))
      lastHashed = hashed.catch(() => {})
      return { hashKey: current.id, digest: Buffer.from(await hashed) }
    },

    async verify(secret, stored) {
      const key = stored && peppers.get(stored.hashKey)
      const text = stored && key ? Buffer.from(stored.digest).toString() : await decoy
      const matches = await verify(text, secret, { secret: key ?? pepper }).catch(() => false)
      if (!stored || !key || !matches) return false
      right.set(nameOf(secret, stored), true)
      return true
    },

    wasRight: (secret, stored) => right.has(nameOf(secret, stored)),
  }
}

/** Keyed, so that not even a weak secret can be guessed from a dump. */
const pepperOf = (key: MasterKey): Buffer => key.derive('chosen secrets', 32)
