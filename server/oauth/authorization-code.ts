import { hash, timingSafeEqual } from 'node:crypto'
import type { Digests } from '../credentials/digest.ts'
import type { StateStore } from '../storage/state-store.ts'

/** What a person agreed to, until the client fetches it. RFC 6749 §4.1.2: bound to the client and the redirect URI. */
export interface AuthorizationCode {
  readonly clientId: string
  readonly redirectUri: string
  /** RFC 7636 §4.3, S256. */
  readonly codeChallenge: string
  /** RFC 9449 §10: thumbprint of the key that the token request must prove. */
  readonly dpopJkt?: string
  readonly consentRef: string
  readonly consentEpoch: number
  readonly memberId: string
  readonly scope: readonly string[]
  readonly resource: string
  readonly nonce?: string
  readonly authTime: number
  readonly amr: readonly string[]
}

/** After its one use it is remembered by what it gave, so that a second use can take that back. */
type Stored = { readonly open: AuthorizationCode } | { readonly spent: string | null }

export type FoundCode =
  | { readonly state: 'open'; readonly code: AuthorizationCode; redeem(familyId: string): Promise<boolean> }
  /** `familyId`: what the first use gave. Undefined where another client burnt it. */
  | { readonly state: 'spent'; readonly familyId: string | undefined }

export interface AuthorizationCodes {
  keep(value: string, code: AuthorizationCode, expiresAt: number): Promise<void>
  /** `redeem` is true for exactly one of any number of callers, on any number of nodes. */
  find(value: string): Promise<FoundCode | undefined>
  /** For nobody: it was seen in the wrong hands. */
  burn(value: string): Promise<void>
}

interface Needs {
  state: Pick<StateStore, 'putRecord' | 'findRecord' | 'swapRecord'>
  digests: Pick<Digests, 'candidates'>
  clock: { now(): number }
}

/** Milliseconds. RFC 6749 §4.1.2 recommends ten minutes at most; an app on the other end of a redirect needs seconds. */
export const CODE_LIFETIME = 60_000
/** Milliseconds for which a second use is recognised as one. */
const SPENT_MEMORY = 3600_000

export function createAuthorizationCodes({ state, digests, clock }: Needs): AuthorizationCodes {
  const keysOf = (value: string) => digests.candidates(value).map((digest) => `code:${digest}`)
  const spend = (key: string, record: string, spent: string | null) =>
    state.swapRecord(key, record, JSON.stringify({ spent }), clock.now() + SPENT_MEMORY)

  async function read(value: string): Promise<{ key: string; record: string; stored: Stored } | undefined> {
    for (const key of keysOf(value)) {
      const record = await state.findRecord(key)
      if (record !== undefined) return { key, record, stored: JSON.parse(record) }
    }
    return undefined
  }

  return {
    keep: (value, code, expiresAt) =>
      state.putRecord(keysOf(value)[0] as string, JSON.stringify({ open: code }), expiresAt),

    async find(value) {
      const found = await read(value)
      if (!found) return undefined
      const { key, record, stored } = found
      if ('spent' in stored) return { state: 'spent', familyId: stored.spent ?? undefined }
      return { state: 'open', code: stored.open, redeem: (familyId) => spend(key, record, familyId) }
    },

    async burn(value) {
      const found = await read(value)
      if (found && 'open' in found.stored) await spend(found.key, found.record, null)
    },
  }
}

const VERIFIER = /^[A-Za-z0-9\-._~]{43,128}$/

/** RFC 7636 §4.1 for its form, §4.6 for what it must hash to. */
export function isVerifierOf(codeChallenge: string, codeVerifier: string): boolean {
  if (!VERIFIER.test(codeVerifier)) return false
  const computed = Buffer.from(hash('sha256', codeVerifier, 'base64url'))
  const expected = Buffer.from(codeChallenge)
  return computed.length === expected.length && timingSafeEqual(computed, expected)
}
