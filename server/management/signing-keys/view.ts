import { z } from 'zod'
import type { PublishedKey } from '../../../keys/key-ring.ts'

/** RFC 7517 §4, RFC 7518 §6, RFC 8037 §2: the public half alone. */
const publicJwk = z.strictObject({
  kty: z.enum(['EC', 'OKP', 'RSA']),
  use: z.literal('sig').optional(),
  alg: z.string(),
  kid: z.string(),
  crv: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
  n: z.string().optional(),
  e: z.string().optional(),
})

export const signingKeyAnswer = z
  .strictObject({
    kid: z.string(),
    alg: z.string(),
    status: z.enum(['published', 'signing', 'retiring']).meta({
      description: '`published`: it does not sign yet; `retiring`: it verifies what it signed',
    }),
    created_at: z.iso.datetime(),
    signs_from: z.iso.datetime(),
    removed_from: z.iso.datetime().nullable().meta({ description: 'null while it has no successor' }),
    public_jwk: publicJwk,
  })
  .meta({ id: 'SigningKey' })

export const viewOfSigningKey = (key: PublishedKey) => ({
  kid: key.kid,
  alg: key.alg,
  status: key.status,
  created_at: key.createdAt,
  signs_from: key.signsFrom,
  removed_from: key.removedFrom ?? null,
  public_jwk: key.publicJwk,
})
