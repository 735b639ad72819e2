import type { CryptoKey, JSONWebKeySet } from 'jose'
import type { Clock } from '../clock.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { imported, type KeyHint, type KeySet, parseKeySet, pickKey } from './keys/key-set.ts'
import { createKeyStore, type HeldKeys } from './keys/key-store.ts'
import { sourceOf } from './keys/published-keys.ts'
import type { Check, WorkloadProvider } from './model.ts'

/** The keys of the issuers that tenants trust: discovered, at a pinned address, or uploaded. */
export interface IssuerKeys {
  /** The key that a token's header means. Nothing in the header leads anywhere: it only picks. */
  find(provider: WorkloadProvider, hint: KeyHint): Promise<FoundKey>
  /** Fetches the keys of these, a few at a time, so that the first token of each finds them. Never rejects. */
  warm(providers: readonly WorkloadProvider[]): Promise<void>
}

export type FoundKey =
  | { readonly ok: true; readonly key: CryptoKey }
  /** `key`: the issuer has none like it. `keys_unavailable`: nobody can say now; seconds until somebody may. */
  | { readonly ok: false; readonly failed: Check; readonly retryAfter?: number }

interface Needs {
  outbound: Pick<Outbound, 'getJson'>
  clock: Clock
  /** Milliseconds that an issuer has for each document. */
  timeout?: number
}

const TIMEOUT = 5_000
const WARM_AT_ONCE = 4

/** SPIFFE JWT-SVID §4: the bundle of a trust domain marks its keys so. */
const USES = { usual: ['sig'], spiffe: ['sig', 'jwt-svid'] }

export function createIssuerKeys({ outbound, clock, timeout = TIMEOUT }: Needs): IssuerKeys {
  const store = createKeyStore({ outbound, clock, timeout })
  const uploaded = new WeakMap<JSONWebKeySet, KeySet>()

  function readUploaded(jwks: JSONWebKeySet): HeldKeys {
    const keys = uploaded.get(jwks) ?? parseKeySet(jwks) ?? []
    uploaded.set(jwks, keys)
    return { ok: true, keys }
  }

  const heldOf = async (provider: WorkloadProvider, kid: string | undefined): Promise<HeldKeys> => {
    const source = sourceOf(provider)
    return source.by === 'uploaded' ? readUploaded(source.jwks) : store.read(source, kid, provider.tenantId)
  }

  return {
    async find(provider, hint) {
      const held = await heldOf(provider, hint.kid)
      if (!held.ok) {
        const failed = { check: 'keys_unavailable', held: false, got: held.reason }
        return { ok: false, failed, retryAfter: held.retryAfter }
      }
      const picked = pickKey(held.keys, hint, provider.platform === 'spiffe' ? USES.spiffe : USES.usual)
      if (typeof picked === 'string') return noKey(held.keys, hint, picked)
      const key = await imported(picked, hint.alg)
      return key ? { ok: true, key } : noKey(held.keys, hint, 'broken')
    },

    async warm(providers) {
      const waiting = providers.values()
      const worker = async () => {
        for (const provider of waiting) {
          const source = sourceOf(provider)
          if (!provider.disabled && source.by !== 'uploaded') await store.warm(source, provider.tenantId)
        }
      }
      await Promise.all(Array.from({ length: WARM_AT_ONCE }, worker))
    },
  }
}

/** For administrators: which keys the issuer has, and what the token asked for. */
const noKey = (keys: KeySet, { alg, kid }: KeyHint, why: 'none' | 'ambiguous' | 'broken'): FoundKey => {
  const expected = keys.slice(0, 20).map((key) => ({ kid: key.kid, kty: key.jwk.kty, use: key.use }))
  return { ok: false, failed: { check: 'key', held: false, expected, got: { kid, alg, matching: why } } }
}
