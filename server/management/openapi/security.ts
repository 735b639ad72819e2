import { scopeInWords } from '../../sign-in/pages/scope-words.ts'
import { BUILT_IN_SCOPES } from '../../tenancy/scopes.ts'
import type { Operation } from '../operation.ts'

/** What of the metadata (RFC 8414 §2) the schemes name. */
export interface Endpoints {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
}

const KINDS = 'an API key (`tk_…`, `AKE…`), a service token (`st_…`), a personal access token (`kp_…`)'

export function securitySchemes(issuer: string, { authorization_endpoint, token_endpoint }: Endpoints) {
  const scopes = Object.fromEntries(BUILT_IN_SCOPES.map((scope) => [scope, scopeInWords(scope)]))
  return {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      description: `RFC 6750, with ${KINDS}, or an access token (\`kc_…\`) that isn't bound to a key.`,
    },
    dpop: {
      type: 'http',
      scheme: 'DPoP',
      description: 'RFC 9449 §7.1: an access token (`kc_…`) that is bound to a key, and a proof in the `DPoP` header.',
    },
    api_key: { type: 'apiKey', in: 'header', name: 'x-api-key', description: `The same as \`bearer\`: ${KINDS}.` },
    oauth2: {
      type: 'oauth2',
      description: 'How an access token is come by. Sign-in is with PKCE; RFC 9126, 8693 and 7523 work as well.',
      flows: {
        clientCredentials: { tokenUrl: token_endpoint, scopes },
        authorizationCode: {
          authorizationUrl: authorization_endpoint,
          tokenUrl: token_endpoint,
          refreshUrl: token_endpoint,
          scopes,
        },
      },
    },
    discovery: { type: 'openIdConnect', openIdConnectUrl: `${issuer}/.well-known/openid-configuration` },
  }
}

/** Any one of them; OpenAPI 3.1 §4.8.30 lets all name what the credential must hold. */
export const securityOf = ({ requires }: Operation) => {
  const held = requires === undefined ? [] : [requires]
  return [{ bearer: held }, { dpop: held }, { api_key: held }, { oauth2: held }, { discovery: held }]
}
