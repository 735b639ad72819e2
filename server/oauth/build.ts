import type { Endpoint, EndpointContext, Handler } from '../http/context.ts'
import type { Core } from '../mode/core.ts'
import type { VerifyReport } from '../secret-scanning/signature.ts'
import type { WorkloadExchange } from '../workload-identity/exchange.ts'
import { createAuthenticateClient } from './authenticate-client.ts'
import { withRequestLimit } from './authorization/request-limit.ts'
import { createClientAssertions } from './client-assertion.ts'
import { looksLikeUrl } from './client-metadata/client-id-url.ts'
import type { DocumentClients } from './client-metadata/document-clients.ts'
import { createTenantHint } from './client-metadata/tenant-hint.ts'
import { createDeriveToken } from './derived-token.ts'
import { createEndTokens } from './end-token.ts'
import { createPushedAuthorizationEndpoint, postedFromApp } from './endpoints/authorization.ts'
import { publicDocument, serveDocument } from './endpoints/documents.ts'
import { createReadProof } from './endpoints/dpop-header.ts'
import { createIntrospectionEndpoint } from './endpoints/introspection.ts'
import { createLeakedEndpoint } from './endpoints/leaked.ts'
import { createGithubLeakedEndpoint } from './endpoints/leaked-github.ts'
import { createRevocationEndpoint } from './endpoints/revocation.ts'
import { createTokenEndpoint, type Grants } from './endpoints/token.ts'
import { createAuthorizationCodeGrant } from './grants/authorization-code.ts'
import { createClientCredentialsGrant } from './grants/client-credentials.ts'
import { createJwtBearerGrant } from './grants/jwt-bearer.ts'
import { createRefreshTokenGrant } from './grants/refresh-token.ts'
import { createTokenExchangeGrant } from './grants/token-exchange.ts'
import { createIdTokens } from './id-token.ts'
import { createIntrospect } from './introspection.ts'
import { createIntrospectionSigner } from './introspection-jwt.ts'
import { createReportLeak } from './leak.ts'
import { authorizationServerMetadata, METADATA_MAX_AGE } from './metadata.ts'
import { createPlainIntrospection } from './plain-introspection.ts'
import { createPlainMint } from './plain-mint.ts'
import { createRecognizedClients } from './recognized-clients.ts'
import { createRevoke } from './revocation.ts'
import { createTokenAudit } from './token-audit.ts'
import { JWT_BEARER, TOKEN_EXCHANGE } from './token-type.ts'
import { createWorkloadDoor } from './workload-door.ts'

type WithNonce = <C extends EndpointContext>(
  handler: (ctx: C) => Promise<void> | void,
) => (ctx: C) => Promise<void> | void

interface Needs {
  core: Core
  documentClients: DocumentClients
  exchange: WorkloadExchange
  /** oidc-provider: authorization requests and what was pushed. */
  handle: Handler
  /** RFC 9449 §8.2. */
  withNonce: WithNonce
  verifyReport: VerifyReport
}

/** The authorization server's own endpoints. */
export function buildOAuth({ core, documentClients, exchange, handle, withNonce, verifyReport }: Needs) {
  const { mode, issuer, metrics, keyRing } = core
  const authenticateClient = authenticationOf(core, documentClients)
  const recognized = createRecognizedClients(core)
  const readProof = createReadProof(core)
  const tokenAudit = createTokenAudit(core)
  const grants = grantsOf(core, exchange)
  const metadata = authorizationServerMetadata(issuer, Object.keys(grants))
  const document = serveDocument(always(publicDocument(metadata, METADATA_MAX_AGE)))
  const tokenEndpoint = createTokenEndpoint({
    ...{ mode, authenticateClient, recognized, readProof, grants, tokenAudit, metrics },
    plainMint: createPlainMint({ ...core, tokenAudit }),
  })
  const pushedAuthorization = createPushedAuthorizationEndpoint({
    ...{ authenticateClient, describedClient: documentClients.findByClientId, readProof, handle },
  })
  const introspect = createIntrospect(core)
  const plainIntrospection = createPlainIntrospection({ ...core, introspect })
  const signIntrospection = createIntrospectionSigner(core)
  const endTokens = createEndTokens(core)
  const reportLeak = createReportLeak({ ...core, endTokens })
  const direct: ReadonlyMap<string, Endpoint> = new Map([
    ['/oauth/token', withNonce(tokenEndpoint)],
    [
      '/oauth/introspect',
      createIntrospectionEndpoint({
        authenticateClient,
        recognized,
        introspect,
        plainIntrospection,
        signIntrospection,
      }),
    ],
  ])
  const routes: readonly [string, Handler][] = [
    ['GET /oauth/authorize', withRequestLimit(core, handle)],
    ['POST /oauth/authorize', postedFromApp],
    ['POST /oauth/logout', postedFromApp],
    ['POST /oauth/par', withRequestLimit(core, withNonce(pushedAuthorization))],
    ...[...direct].map(([path, endpoint]): [string, Handler] => [`POST ${path}`, endpoint]),
    [
      'POST /oauth/revoke',
      createRevocationEndpoint({ authenticateClient, recognized, revoke: createRevoke({ ...core, endTokens }) }),
    ],
    ['POST /oauth/leaked', createLeakedEndpoint({ ...core, reportLeak })],
    ['POST /oauth/leaked/github', createGithubLeakedEndpoint({ ...core, reportLeak, verifyReport })],
    ['GET /oauth/jwks', serveDocument(() => keyRing.current().jwks)],
    ['GET /.well-known/oauth-authorization-server', document],
    ['GET /.well-known/openid-configuration', document],
  ]
  return { routes, direct, metadata }
}

const always =
  <T>(value: T) =>
  () =>
    value

function authenticationOf(core: Core, documentClients: DocumentClients) {
  const tenantHint = createTenantHint(core)
  return createAuthenticateClient({
    ...core,
    findClient: (clientId, given) =>
      looksLikeUrl(clientId)
        ? documentClients.findStored(clientId, tenantHint(given))
        : core.clients.ofClientId(clientId),
    assertions: createClientAssertions(core),
  })
}

function grantsOf(core: Core, exchange: WorkloadExchange): Grants {
  const workloadDoor = createWorkloadDoor({ ...core, exchange })
  const delegated = { ...core, issueIdToken: createIdTokens(core) }
  return {
    client_credentials: createClientCredentialsGrant({ ...core, workloadDoor }),
    authorization_code: createAuthorizationCodeGrant(delegated),
    refresh_token: createRefreshTokenGrant(delegated),
    [TOKEN_EXCHANGE]: createTokenExchangeGrant({ ...core, workloadDoor, deriveToken: createDeriveToken(core) }),
    [JWT_BEARER]: createJwtBearerGrant({ workloadDoor }),
  }
}
