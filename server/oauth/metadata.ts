import { BUILT_IN_SCOPES } from '../tenancy/scopes.ts'
import { DPOP_ALGS } from './dpop-proof.ts'

/** Seconds that a client may keep the metadata. */
export const METADATA_MAX_AGE = 3600

const CLIENT_AUTHENTICATION = ['client_secret_basic', 'client_secret_post']

/**
 * RFC 8414 §2, and the same under OpenID Connect's name for clients that look there. It says what this server does
 * today, no more: a client that trusts it meets no surprise.
 */
export const authorizationServerMetadata = (issuer: string) => ({
  issuer,
  token_endpoint: `${issuer}/oauth/token`,
  token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
  introspection_endpoint: `${issuer}/oauth/introspect`,
  introspection_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
  revocation_endpoint: `${issuer}/oauth/revoke`,
  revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
  jwks_uri: `${issuer}/oauth/jwks`,
  grant_types_supported: ['client_credentials'],
  response_types_supported: [], // REQUIRED by RFC 8414 §2; there is no authorization endpoint yet
  scopes_supported: BUILT_IN_SCOPES,
  dpop_signing_alg_values_supported: DPOP_ALGS, // RFC 9449 §5.1
})
