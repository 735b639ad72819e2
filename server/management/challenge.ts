import { ApiError } from '../http/problem.ts'
import { DPOP_ALGS, type ProofVerdict } from '../oauth/dpop-proof.ts'
import { PROTECTED_RESOURCE_METADATA_PATH } from '../oauth/protected-resource-metadata.ts'

export type Scheme = 'Bearer' | 'DPoP'

/** What RFC 6750 §3.1 and RFC 9449 §7.1, §9 say of a refused token. */
export type TokenError = 'invalid_token' | Extract<ProofVerdict, { ok: false }>['error']

/** The management API's refusals of a credential, each with a challenge that says how to send a better one. */
export interface Challenges {
  /** No credential: any scheme would do. RFC 6750 §3.1: without an error code. */
  authenticationRequired(): ApiError
  /** @param reason for the log alone */
  unauthenticated(scheme: Scheme, error?: TokenError, detail?: string, reason?: string): ApiError
  /** Adds the challenge of RFC 6750 §3.1 to an `insufficient_scope`. */
  insufficientScope(scheme: Scheme, refusal: ApiError): ApiError
}

export function createChallenges(issuer: string): Challenges {
  function challenge(scheme: Scheme, about: Record<string, string | undefined> = {}): string {
    const parameters = Object.entries({
      realm: 'Keycourt',
      ...about,
      algs: scheme === 'DPoP' ? DPOP_ALGS.join(' ') : undefined, // RFC 9449 §7.1
      resource_metadata: issuer + PROTECTED_RESOURCE_METADATA_PATH, // RFC 9728 §5.1
    })
    const present = parameters.filter(([, value]) => value !== undefined)
    return `${scheme} ${present.map(([name, value]) => `${name}="${value}"`).join(', ')}`
  }

  return {
    authenticationRequired: () =>
      new ApiError('authentication_required', { challenge: `${challenge('Bearer')}, ${challenge('DPoP')}` }),
    unauthenticated: (scheme, error = 'invalid_token', detail, reason) =>
      new ApiError('invalid_api_key', {
        challenge: challenge(scheme, { error, error_description: detail }),
        ...(detail !== undefined && { detail }),
        ...(reason !== undefined && { reason }),
      }),
    insufficientScope: (scheme, { code, details }) =>
      new ApiError(code, { ...details, challenge: challenge(scheme, { error: code, scope: details.scope }) }),
  }
}

/** That of the request, in any case (RFC 9110 §11.1). What comes without one, as `x-api-key`, is answered as Bearer is. */
export const schemeOf = (authorization: string | undefined): Scheme =>
  /^dpop(?: |$)/i.test(authorization ?? '') ? 'DPoP' : 'Bearer'
