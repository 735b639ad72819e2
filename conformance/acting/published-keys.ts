import { createRemoteJWKSet, type JWTVerifyOptions, jwtVerify } from 'jose'
import type { Finding } from '../check.ts'
import type { Context } from '../context.ts'
import { failed, passed } from '../judge.ts'

/** Whether a JWT of the server verifies with a key of its jwks_uri, and is what it should be. */
export async function verifies({ url }: Context, jwt: string, options?: JWTVerifyOptions): Promise<Finding> {
  try {
    const { protectedHeader } = await jwtVerify(jwt, createRemoteJWKSet(new URL(url('jwks_uri'))), options)
    return passed(`${protectedHeader.alg} by the key ${protectedHeader.kid ?? 'without kid'}`)
  } catch (error) {
    return failed(`it does not: ${(error as Error).message}`)
  }
}
