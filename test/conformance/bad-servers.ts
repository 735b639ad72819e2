import { randomUUID } from 'node:crypto'
import type { Asked, BadServer, Endpoint, Told } from './bad-server.ts'

const unsecured = (header: object, claims: object): string =>
  `${[header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`

const GRANTS = ['client_credentials', 'authorization_code', 'refresh_token']
const EXTENSIONS = ['token-exchange', 'jwt-bearer'].map((name) => `urn:ietf:params:oauth:grant-type:${name}`)

const endpointsOf = (issuer: string) => ({
  ...{ authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` },
  ...{ introspection_endpoint: `${issuer}/introspect`, revocation_endpoint: `${issuer}/revoke` },
  ...{ pushed_authorization_request_endpoint: `${issuer}/par`, userinfo_endpoint: `${issuer}/userinfo` },
})

const claimed = (issuer: string) => ({
  ...{ issuer, ...endpointsOf(issuer), grant_types_supported: [...GRANTS, ...EXTENSIONS] },
  ...{
    response_types_supported: ['code'],
    response_modes_supported: ['form_post'],
    dpop_signing_alg_values_supported: ['ES256'],
  },
  ...{ introspection_signing_alg_values_supported: ['ES256'], authorization_response_iss_parameter_supported: true },
})

/** In order, so that only the endpoints are to blame. */
const metadata: Endpoint = ({ issuer }) => ({ body: claimed(issuer) })

/** Wrong in every way that still lets a client find the endpoints. */
const wrongMetadata: Endpoint = ({ issuer }) => ({
  headers: { 'content-type': 'text/plain' },
  body: {
    ...claimed(issuer),
    ...{ issuer: 'http://elsewhere.example/?tenant=1', registration_endpoint: 'http://elsewhere.example/register' },
    ...{ grant_types_supported: ['implicit', 'password', ...EXTENSIONS], response_types_supported: undefined },
    ...{ token_endpoint_auth_methods_supported: ['client_secret_jwt'], ui_locales_supported: [] },
    ...{ token_endpoint_auth_signing_alg_values_supported: ['none'] },
    ...{ revocation_endpoint_auth_signing_alg_values_supported: ['none'] },
    ...{ introspection_endpoint_auth_methods_supported: ['private_key_jwt'] },
    ...{ introspection_signing_alg_values_supported: ['none'], dpop_signing_alg_values_supported: ['ES256', 'HS256'] },
    ...{ authorization_response_iss_parameter_supported: 'perhaps', scopes_supported: ['read'] },
    ...{ protected_resources: ['https://elsewhere.example'] },
  },
})

/** Everything is granted, with the same tokens each time, and told to every cache. */
const grantsAnything: Endpoint = () => ({
  headers: { 'content-type': 'text/plain', 'dpop-nonce': 'a nonce' },
  body: {
    ...{ access_token: 'same', refresh_token: 'same', id_token: unsecured({ alg: 'none' }, {}) },
    ...{ expires_in: '3600', scope: 'read write conformance:unknown', issued_token_type: 'surprise' },
  },
})

const backTo = ({ params }: Asked, response: Record<string, string>): string => {
  const uri = params.get('redirect_uri') ?? 'https://app.example/callback'
  return `${uri}${/[?#]/.test(uri) ? '&' : '?'}${new URLSearchParams(response)}`
}

const openToAll = { 'access-control-allow-origin': '*' }

/** A code for whoever asks, at once, at whatever address they name. */
const sendsAnybodyBack: Endpoint = (asked) => ({
  status: 302,
  headers: { location: backTo(asked, { code: 'same', access_token: 'same' }), ...openToAll },
})

/** Asks for a name in a page that can be framed, and sends the form on with the redirect. */
const asksCarelessly: Endpoint = (asked) =>
  asked.method === 'GET'
    ? { headers: { 'referrer-policy': 'unsafe-url' }, body: '<form method="post"><input name="login"></form>' }
    : { status: 307, headers: { location: backTo(asked, { code: 'same' }) } }

/** Believes that everything is good. */
const alwaysActive: Endpoint = ({ headers }) => {
  const told = {
    active: true,
    token_type: 'N_A',
    client_id: 'somebody',
    iss: 'https://elsewhere.example',
    aud: 'nobody',
  }
  if (headers.accept?.includes('jwt')) {
    const jwt = unsecured({ alg: 'none', typ: 'JWT' }, { sub: 'somebody', exp: 1, iss: 'nobody' })
    return { headers: { 'content-type': 'application/jwt' }, body: jwt }
  }
  return {
    headers: { 'content-type': 'text/plain' },
    body: { ...told, exp: 'soon', iat: 1.5, scope: ['read'], cnf: { jkt: 'other' } },
  }
}

const privateKeys: Endpoint = () => ({
  body: { keys: [{ kty: 'EC', kid: 'one', d: 'secret' }, { kty: 'oct', kid: 'one', k: 'secret' }, {}] },
})

const served: Endpoint = () => ({ body: { sub: 'somebody else' } })

/** Yes to everything. */
export const gullible: BadServer = {
  ...{ metadata: wrongMetadata, jwks: privateKeys, authorize: sendsAnybodyBack, token: grantsAnything },
  ...{ introspect: alwaysActive, revoke: served, resource: served, userinfo: served },
  par: () => ({ status: 201, body: { request_uri: 'same', expires_in: 60 } }),
  resourceMetadata: () => ({
    headers: { 'content-type': 'text/plain' },
    body: {
      ...{ resource: 'http://elsewhere.example/#it', authorization_servers: [], bearer_methods_supported: ['cookie'] },
    },
  }),
}

/** The same behind a page. */
export const careless: BadServer = { ...gullible, metadata, authorize: asksCarelessly }

const refusal = (status: number, error: string): Told => ({
  status,
  body: { error, error_description: 'say "please"' },
})

/** No to everything, in words of its own. */
export const grumpy: BadServer = {
  metadata,
  jwks: () => ({ body: {} }),
  authorize: () => ({ status: 418, body: '<h1>No</h1>' }),
  token: () => refusal(418, 'no'),
  introspect: () => refusal(418, 'no'),
  revoke: () => refusal(418, 'no'),
  par: () => refusal(418, 'no'),
  resource: () => ({ status: 418 }),
  userinfo: () => ({ status: 418 }),
}

/** Gives tokens as it should, and breaks at whatever is done with them. */
const grantsProperly: Endpoint = () => ({
  headers: { 'cache-control': 'no-store' },
  body: {
    access_token: randomUUID(),
    refresh_token: randomUUID(),
    token_type: 'Bearer',
    expires_in: 60,
    scope: 'read',
  },
})

const sendsBack: Endpoint = (asked) => ({
  status: 302,
  headers: {
    location: backTo(asked, { code: randomUUID(), state: asked.params.get('state') ?? '', iss: asked.issuer }),
  },
})

export const brittle: BadServer = { metadata, token: grantsProperly, authorize: sendsBack }

/** Forgets what it gave, and says more than it should of what it doesn't know. */
export const forgetful: BadServer = {
  ...{ metadata, token: grantsProperly, authorize: sendsBack },
  introspect: () => ({ body: { active: false, reason: 'forgotten', sub: 7 } }),
  revoke: () => ({ status: 200 }),
  resource: () => ({ status: 401, headers: { 'www-authenticate': 'Custom error="invalid_token", error="again"' } }),
}

/** A code, and then nothing for it. */
export const stingy: BadServer = {
  ...{ metadata, authorize: sendsBack },
  token: () => ({ status: 400, headers: { 'dpop-nonce': 'a nonce' }, body: { error: 'use_dpop_nonce' } }),
  par: () => ({ status: 201, body: { request_uri: randomUUID(), expires_in: 60 } }),
}

/** Tokens once, and never again. */
export const unrefreshing: BadServer = {
  ...{ metadata, authorize: sendsBack },
  token: (asked) => (asked.params.get('grant_type') === 'refresh_token' ? refusal(400, 'no') : grantsProperly(asked)),
}

/** JWTs that nobody can verify, and that say nothing. */
export const unverifiable: BadServer = {
  ...{ metadata, authorize: sendsBack, introspect: alwaysActive, jwks: () => ({ body: { keys: [] } }) },
  token() {
    const jwt = unsecured({ alg: 'none', typ: 'JWT' }, {})
    return { body: { access_token: jwt, id_token: jwt } }
  },
}

/** Says nothing of itself. */
export const silent: BadServer = {}
export const silentButKnown: BadServer = { known: endpointsOf }
