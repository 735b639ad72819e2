import { BUILT_IN_SCOPES } from '../tenancy/scopes.ts'
import { DPOP_ALGS } from './dpop-proof.ts'

export const PROTECTED_RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource'

/** RFC 9728 §2: the management API, whose identifier is the issuer. What tenants add to it is not for everyone to read. */
export const protectedResourceMetadata = (issuer: string) => ({
  resource: issuer,
  resource_name: 'Keycourt management API',
  authorization_servers: [issuer],
  scopes_supported: BUILT_IN_SCOPES,
  bearer_methods_supported: ['header'],
  dpop_signing_alg_values_supported: DPOP_ALGS,
  dpop_bound_access_tokens_required: false, // a tenant or a client may be held to it, not everyone
})
