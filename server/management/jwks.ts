import { createPublicKey, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { ASSERTION_ALGS } from '../oauth/client-assertion.ts'

/** RFC 7518 §6.2.2, §6.3.2, §6.4.1: what only its holder may know. */
export const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

const TEXT = z.string().max(2_000).optional()

/** RFC 7517 §4; other members are ignored, as it says there, and not kept. */
const publicJwk = z
  .looseObject({
    kty: z.enum(['EC', 'OKP', 'RSA'], 'EC, OKP or RSA: symmetric keys prove nothing to us'),
    ...{ crv: TEXT, x: TEXT, y: TEXT, n: TEXT, e: TEXT },
    kid: z.string().min(1, 'at least one character').max(200, 'at most 200 characters').optional(),
    use: z.literal('sig', 'sig').optional(),
    alg: z.enum(ASSERTION_ALGS, `one of ${ASSERTION_ALGS.join(', ')}`).optional(),
    key_ops: z
      .array(z.string())
      .refine((uses) => uses.includes('verify'), 'must have verify')
      .optional(),
  })
  .superRefine((jwk, ctx) => {
    const leaked = PRIVATE_MEMBERS.filter((member) => Object.hasOwn(jwk, member))
    for (const member of leaked) ctx.addIssue({ code: 'custom', path: [member], message: 'a private member' })
    const wrong = leaked.length ? undefined : wrongKey(jwk)
    if (wrong) ctx.addIssue({ code: 'custom', message: wrong })
  })
  .transform(({ kty, crv, x, y, n, e, kid, use, alg }) =>
    Object.fromEntries(
      Object.entries({ kty, crv, x, y, n, e, kid, use, alg }).filter(([, value]) => value !== undefined),
    ),
  )

/** RFC 7517 §5, for private_key_jwt: the public keys of a client, which choose among them by `kid`. */
export const jwks = z
  .strictObject({ keys: z.array(publicJwk).min(1, 'at least one key').max(10, 'at most 10 keys') })
  .superRefine((set, ctx) => {
    if (JSON.stringify(set).length > 8_192) ctx.addIssue({ code: 'custom', message: 'at most 8 KB' })
    const kids = set.keys.map(({ kid }) => kid)
    if (kids.length === 1) return
    kids.forEach((kid, at) => {
      const unique = kid !== undefined && kids.indexOf(kid) === at
      if (!unique)
        ctx.addIssue({ code: 'custom', path: ['keys', at, 'kid'], message: 'of its own, as there are several' })
    })
  })
  .transform((set) => set as { keys: ({ kty: string } & Record<string, string>)[] })

/** The same as it is shown. */
export const shownJwks = z.strictObject({ keys: z.array(z.record(z.string(), z.string())) }).nullable()

/** FAPI 2.0 Security Profile §5.4.1; what each algorithm that we accept needs. */
const ACCEPTED = [
  {
    alg: ['ES256'],
    fits: ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) =>
      asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1',
  },
  { alg: ['EdDSA', 'Ed25519'], fits: ({ asymmetricKeyType }: KeyObject) => asymmetricKeyType === 'ed25519' },
  { alg: ['PS256'], fits: isGoodRsa },
]

/** An exponent of 1 would let anyone sign; a huge modulus would keep us busy. */
function isGoodRsa({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength = 0, publicExponent } = asymmetricKeyDetails ?? {}
  return asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 4096 && publicExponent === 65_537n
}

function wrongKey(jwk: { kty: string; alg?: string | undefined }): string | undefined {
  const key = keyOf(jwk)
  const accepted = key && ACCEPTED.find(({ fits }) => fits(key))
  if (!accepted) return 'a public key: EC P-256, OKP Ed25519, or RSA of 2048 to 4096 bits with the exponent 65537'
  return jwk.alg && !accepted.alg.includes(jwk.alg) ? `this key is for ${accepted.alg.join(' or ')}` : undefined
}

/** Undefined: it isn't one. */
export function keyOf(jwk: object): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...jwk } as never, format: 'jwk' })
  } catch {
    return undefined // no point of the curve, a member missing, not base64url
  }
}
