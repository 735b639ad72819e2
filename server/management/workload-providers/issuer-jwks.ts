import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import { keyOf, PRIVATE_MEMBERS } from '../jwks.ts'

const TEXT = z.string().max(2_000).optional()

/** RFC 7517 §4. `use` isn't kept: a SPIFFE bundle says `jwt-svid`, and what these are for is known. */
const issuerJwk = z
  .looseObject({
    kty: z.enum(['EC', 'OKP', 'RSA'], 'EC, OKP or RSA: symmetric keys would let us sign in its place'),
    ...{ crv: TEXT, x: TEXT, y: TEXT, n: TEXT, e: TEXT },
    kid: z.string().min(1, 'at least one character').max(200, 'at most 200 characters').optional(),
    use: z.enum(['sig', 'jwt-svid'], 'sig or jwt-svid').optional(),
    alg: z.string().max(20).optional(),
  })
  .superRefine((jwk, ctx) => {
    const leaked = PRIVATE_MEMBERS.filter((member) => Object.hasOwn(jwk, member))
    for (const member of leaked) ctx.addIssue({ code: 'custom', path: [member], message: 'a private member' })
    const key = leaked.length ? undefined : keyOf(jwk)
    if (!leaked.length && !(key && isGood(key))) {
      ctx.addIssue({
        code: 'custom',
        message: 'a public key: EC P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits or more',
      })
    }
  })
  .transform(
    ({ kty, crv, x, y, n, e, kid, alg }) =>
      Object.fromEntries(
        Object.entries({ kty, crv, x, y, n, e, kid, alg }).filter(([, value]) => value !== undefined),
      ) as { kty: string } & Record<string, string>,
  )

/** RFC 7517 §5: the public keys of an issuer that can't be reached. */
export const issuerJwks = z
  .looseObject({ keys: z.array(issuerJwk).min(1, 'at least one key').max(20, 'at most 20 keys') })
  .superRefine(({ keys }, ctx) => {
    keys.forEach(({ kid }, at) => {
      const isNamed = keys.length === 1 || (kid !== undefined && keys.findIndex((key) => key.kid === kid) === at)
      if (!isNamed)
        ctx.addIssue({ code: 'custom', path: ['keys', at, 'kid'], message: 'of its own, as there are several' })
    })
  })
  .transform(({ keys }) => ({ keys }))

const CURVES: readonly (string | undefined)[] = ['prime256v1', 'secp384r1', 'secp521r1']

/** An exponent of 1 would let anyone sign; a huge modulus would keep us busy. */
function isGood({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): boolean {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails
  if (asymmetricKeyType === 'ec') return CURVES.includes(namedCurve)
  if (asymmetricKeyType === 'rsa') return modulusLength >= 2048 && modulusLength <= 8192 && publicExponent >= 3n
  return asymmetricKeyType === 'ed25519'
}
