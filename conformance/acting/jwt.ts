import { importJWK, type JWK, type JWTPayload, SignJWT } from 'jose'

export type Claims = Readonly<Record<string, unknown>>
type Key = Parameters<SignJWT['sign']>[0]

export const seconds = (): number => Math.floor(Date.now() / 1000)

/** A claim or a header parameter that is undefined is left out. */
export async function sign(claims: Claims, header: Claims, key: Key): Promise<string> {
  return new SignJWT(present(claims) as JWTPayload).setProtectedHeader(present(header) as { alg: string }).sign(key)
}

export const privateKeyOf = async (jwk: Record<string, unknown>, alg: string): Promise<Key> =>
  (await importJWK(jwk as JWK, alg)) as Key

/** RFC 7518 §3.6: an "unsecured JWS", which nobody should believe. */
export const unsecured = (claims: Claims, header: Claims = {}): string =>
  `${encoded({ ...present(header), alg: 'none' })}.${encoded(present(claims))}.`

/** The same JWT, with a signature that isn't its own. */
export function withWrongSignature(jwt: string): string {
  const [header, payload, signature = ''] = jwt.split('.')
  const bytes = Buffer.from(signature, 'base64url').map((byte, index) => (index === 8 ? byte ^ 0xff : byte))
  return `${header}.${payload}.${Buffer.from(bytes).toString('base64url')}`
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const present = (values: Claims): Claims =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
