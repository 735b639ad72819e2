import type { KeyHint } from '../keys/key-set.ts'
import type { Check, Claims } from '../model.ts'

export type ReadHeader = { readonly ok: true; readonly hint: KeyHint } | { readonly ok: false; readonly failed: Check }

interface HeaderRules {
  readonly algorithms: readonly string[]
  readonly kidOptional: boolean
}

/** RFC 8725 §3.11: these are for other uses, and some of them are what we issue ourselves. */
const OTHER_TYPES = new Set(['at+jwt', 'rt+jwt', 'logout+jwt', 'dpop+jwt', 'token-introspection+jwt', 'secevent+jwt'])

/** As issuers make them up. What looks like a path or a query is nobody's, and costs no fetch. */
const KID = /^(?!\/)(?!.*\.\.)[\w.:=+/@~-]{1,512}$/

/** What the header may say. `jku`, `jwk`, `x5u` and `x5c` may be there, and are never looked at. */
export function readHeader({ alg, kid, typ, crit }: Claims, { algorithms, kidOptional }: HeaderRules): ReadHeader {
  // RFC 8725 §3.1: by the provider, never by the token. `none` and HMAC are in no list.
  if (typeof alg !== 'string' || !algorithms.includes(alg)) return failed('algorithm', algorithms, alg)
  if (typ !== undefined && !isUsualType(typ)) return failed('type', 'JWT', typ)
  // RFC 7515 §4.1.11: we understand no extension that a token may depend on.
  if (crit !== undefined) return failed('malformed', 'no crit', crit)
  if (kid === undefined && kidOptional) return { ok: true, hint: { alg, kid } }
  if (typeof kid !== 'string' || !KID.test(kid)) return failed('key', 'a kid', kid)
  return { ok: true, hint: { alg, kid } }
}

/** RFC 7515 §4.1.9: any case, and `application/` may be left out. */
const isUsualType = (typ: unknown): boolean =>
  typeof typ === 'string' && !OTHER_TYPES.has(typ.toLowerCase().replace(/^application\//, ''))

const failed = (check: string, expected: unknown, got: unknown): ReadHeader => ({
  ok: false,
  failed: { check, held: false, expected, got },
})
