import type { Metadata } from './discovery.ts'
import type { Profile } from './profile.ts'

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

type Test = (profile: Profile, metadata: Metadata) => unknown
type Rule = readonly [Test, missing: string]

const endpoint = (name: string): Rule => [(_, metadata) => metadata[name], `the metadata names no ${name}`]
const given = (name: keyof Profile): Rule => [(profile) => profile[name], `the profile gives no ${name}`]
const grant = (type: string): Rule => [
  (_, { grant_types_supported: types = ['authorization_code'] }) => Array.isArray(types) && types.includes(type),
  `grant_types_supported lacks ${type}`,
]

const token = endpoint('token_endpoint')
const code = [token, endpoint('authorization_endpoint'), given('public_client')]

/** Each with what it takes; the first that is missing is what the report says. */
const RULES = {
  metadata: [],
  endpoint_urls: [],
  jwks: [endpoint('jwks_uri')],
  token,
  client_credentials: [token, given('client')],
  client_secret_basic: [token, given('client'), by('client_secret_basic')],
  client_secret_post: [token, given('client'), by('client_secret_post')],
  other_client: [given('other_client')],
  two_scopes: [
    token,
    given('client'),
    [({ client }) => (client?.scope.length ?? 0) > 1, 'client has fewer than two scopes'],
  ],
  introspection: [endpoint('introspection_endpoint'), given('introspection_client')],
  signed_introspection: [
    endpoint('introspection_endpoint'),
    given('introspection_client'),
    endpoint('introspection_signing_alg_values_supported'),
  ],
  revocation: [endpoint('revocation_endpoint'), given('client')],
  private_key_jwt: [token, given('key_client')],
  code,
  other_public_client: [...code, given('other_public_client')],
  openid: [
    ...code,
    [({ public_client }) => public_client?.scope.includes('openid'), 'public_client has no scope openid'],
  ],
  userinfo: [...code, endpoint('userinfo_endpoint')],
  pushed_request: [...code, endpoint('pushed_authorization_request_endpoint')],
  loopback: [...code, [({ public_client }) => public_client?.loopback_redirect_uri, 'no loopback_redirect_uri']],
  iss_parameter: [...code, endpoint('authorization_response_iss_parameter_supported')],
  dpop: [token, endpoint('dpop_signing_alg_values_supported')],
  resource: [token, given('client'), given('resource')],
  protected_resource: [token, given('client'), given('protected_resource')],
  insufficient_scope: [
    given('protected_resource'),
    [({ protected_resource }) => protected_resource?.insufficient_scope.length, 'no insufficient_scope is given'],
  ],
  dpop_resource: [
    ...[given('protected_resource'), endpoint('dpop_signing_alg_values_supported')],
    [({ protected_resource }) => protected_resource?.dpop, 'the protected resource takes no DPoP'],
  ],
  resource_metadata: [
    given('protected_resource'),
    [({ protected_resource }) => protected_resource?.identifier, 'the protected resource has no identifier'],
  ],
  token_exchange: [token, given('client'), grant(TOKEN_EXCHANGE)],
  subject_jwt: [token, given('trusted_issuer'), grant(TOKEN_EXCHANGE)],
  jwt_bearer: [token, given('trusted_issuer'), grant(JWT_BEARER)],
} as const satisfies Record<string, Rule | readonly Rule[]>

export type Capability = keyof typeof RULES

function by(method: 'client_secret_basic' | 'client_secret_post'): Rule {
  return [({ client }) => client?.methods.includes(method), `client doesn't use ${method}`]
}

/** What of these is missing, in words; undefined: nothing. */
export function missingOf(needs: readonly Capability[], profile: Profile, metadata: Metadata): string | undefined {
  const rules = needs.flatMap((need) => (isRule(RULES[need]) ? [RULES[need]] : RULES[need]) as readonly Rule[])
  return rules.find(([test]) => !test(profile, metadata))?.[1]
}

const isRule = (rules: Rule | readonly Rule[]): rules is Rule => typeof rules[0] === 'function'
