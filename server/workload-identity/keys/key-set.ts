import { type CryptoKey, importJWK, type JWK } from 'jose'
import { z } from 'zod'

/** A public key that may verify an issuer's tokens, with what RFC 7517 §4 says of its use. */
export interface IssuerKey {
  readonly kid: string | undefined
  readonly use: string | undefined
  readonly alg: string | undefined
  /** The members that make the key, and no others: certificates and URLs beside it are nothing to us. */
  readonly jwk: JWK
}

export type KeySet = readonly IssuerKey[]

/** What RFC 7515 §4.1 lets a token say of its key, after it was checked. */
export interface KeyHint {
  readonly alg: string
  readonly kid: string | undefined
}

export const MOST_KEYS = 100
const LONGEST_KID = 512

const text = z.string().max(LONGEST_KID)
const jwkSet = z.looseObject({ keys: z.array(z.unknown()).max(MOST_KEYS) })
const common = { kid: text.optional(), use: text.optional(), alg: text.optional(), key_ops: z.array(text).optional() }
/** RFC 7518 §6.3.2 and §6.2.2.1: a key published with its private half is anybody's. */
const noPrivateHalf = z.undefined().optional()
const publicKey = z.discriminatedUnion('kty', [
  z.object({
    ...common,
    kty: z.literal('RSA'),
    n: z.string().refine(isStrong),
    e: z.string().max(6),
    d: noPrivateHalf,
  }),
  z.object({ ...common, kty: z.literal('EC'), crv: text, x: text, y: text, d: noPrivateHalf }),
  z.object({ ...common, kty: z.literal('OKP'), crv: text, x: text, d: noPrivateHalf }),
])

/** The keys of a JWK Set that can verify. RFC 7517 §5: those that we do not understand are passed over. */
export function parseKeySet(value: unknown): KeySet | undefined {
  const set = jwkSet.safeParse(value)
  if (!set.success) return undefined
  return set.data.keys.flatMap((entry) => {
    const key = publicKey.safeParse(entry)
    if (!key.success || key.data.key_ops?.includes('verify') === false) return []
    const { kid, use, alg, key_ops: _, d: __, ...jwk } = key.data
    return [{ kid, use, alg, jwk }]
  })
}

export const hasKid = (keys: KeySet, kid: string | undefined): boolean =>
  kid === undefined || keys.some((key) => key.kid === kid)

/** The one key that is meant. `ambiguous`: RFC 7517 §4.5, different keys should not share a `kid`, so none of them counts. */
export function pickKey(
  keys: KeySet,
  { alg, kid }: KeyHint,
  uses: readonly string[],
): IssuerKey | 'none' | 'ambiguous' {
  const suitable = keys.filter(
    (key) =>
      (kid === undefined || key.kid === kid) &&
      (key.use === undefined || uses.includes(key.use)) &&
      (key.alg === undefined || key.alg === alg) &&
      KEY_OF_ALG.get(alg)?.(key.jwk),
  )
  const [first = 'none' as const, ...others] = suitable
  return others.some(({ jwk }) => first !== 'none' && !isSameKey(jwk, first.jwk)) ? 'ambiguous' : first
}

/** Undefined: it is a point of no curve, or the like. */
export const imported = ({ jwk }: IssuerKey, alg: string): Promise<CryptoKey | undefined> =>
  importJWK(jwk, alg).then(
    (key) => (key instanceof Uint8Array ? undefined : key),
    () => undefined,
  )

const isRsa = ({ kty }: JWK) => kty === 'RSA'
const isOf =
  (...curves: string[]) =>
  ({ crv }: JWK) =>
    curves.includes(crv ?? '')

/** RFC 7518 §3.1, RFC 8037 §3.1 and RFC 9864 §2.2: which key an algorithm takes. */
const KEY_OF_ALG = new Map<string, (jwk: JWK) => boolean>([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg) => [alg, isRsa] as const),
  ...(
    [
      ['ES256', 'P-256'],
      ['ES384', 'P-384'],
      ['ES512', 'P-521'],
    ] as const
  ).map(([alg, crv]) => [alg, isOf(crv)] as const),
  ...['EdDSA', 'Ed25519'].map((alg) => [alg, isOf('Ed25519')] as const),
])

const MEMBERS = ['kty', 'n', 'e', 'crv', 'x', 'y'] as const
const isSameKey = (one: JWK, other: JWK): boolean => MEMBERS.every((member) => one[member] === other[member])

/** RFC 7518 §3.3: 2048 bits or more. Beyond 8192 verification itself is an attack. */
function isStrong(modulus: string): boolean {
  const hex = Buffer.from(modulus, 'base64url').toString('hex').replace(/^0+/, '')
  const bits = hex.length * 4 - (Math.clz32(Number.parseInt(hex[0] ?? '0', 16)) - 28)
  return bits >= 2048 && bits <= 8192
}
