import { BUILT_IN_SCOPES } from '../tenancy/scopes.ts'
import { ASSERTION_ALGS } from './client-assertion.ts'
import { OPENID_SCOPES } from './delegated-scope.ts'
import { DPOP_ALGS } from './dpop-proof.ts'
import { ID_TOKEN_ALG } from './id-token.ts'
import { INTROSPECTION_ALG } from './introspection-jwt.ts'

/** Seconds that a client may keep the metadata. */
export const METADATA_MAX_AGE = 3600

const CONFIDENTIAL = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']

/**
 * RFC 8414 §2, and the same under OpenID Connect's name for clients that look there. It says what this server does
 * today, no more: a client that trusts it meets no surprise.
 */
export const authorizationServerMetadata = (issuer: string, grantTypes: readonly string[]) => ({
  issuer,
  authorization_endpoint: `${issuer}/oauth/authorize`,
  pushed_authorization_request_endpoint: `${issuer}/oauth/par`, // RFC 9126 §5
  require_pushed_authorization_requests: false,
  token_endpoint: `${issuer}/oauth/token`,
  token_endpoint_auth_methods_supported: [...CONFIDENTIAL, 'none'],
  token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGS,
  introspection_endpoint: `${issuer}/oauth/introspect`,
  introspection_endpoint_auth_methods_supported: CONFIDENTIAL,
  introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGS,
  introspection_signing_alg_values_supported: [INTROSPECTION_ALG], // RFC 9701 §7
  revocation_endpoint: `${issuer}/oauth/revoke`,
  revocation_endpoint_auth_methods_supported: [...CONFIDENTIAL, 'none'],
  revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGS,
  leaked_credential_endpoint: `${issuer}/oauth/leaked`, // ours (RFC 8414 §2 lets servers say more)
  userinfo_endpoint: `${issuer}/oauth/userinfo`,
  end_session_endpoint: `${issuer}/oauth/logout`,
  jwks_uri: `${issuer}/oauth/jwks`,
  grant_types_supported: grantTypes,
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'fragment', 'form_post'],
  code_challenge_methods_supported: ['S256'], // RFC 9700 §2.1.1
  authorization_response_iss_parameter_supported: true, // RFC 9207 §3
  prompt_values_supported: ['none', 'login', 'consent'],
  scopes_supported: [...OPENID_SCOPES, ...BUILT_IN_SCOPES],
  claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'amr', 'email'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: [ID_TOKEN_ALG],
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
  claims_parameter_supported: false,
  client_id_metadata_document_supported: true, // where the tenant turned it on
  dpop_signing_alg_values_supported: DPOP_ALGS, // RFC 9449 §5.1
  protected_resources: [issuer], // RFC 9728 §4
})
