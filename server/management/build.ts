import type { Handler } from '../http/context.ts'
import type { Core } from '../mode/core.ts'
import { publicDocument, serveDocument } from '../oauth/endpoints/documents.ts'
import { type authorizationServerMetadata, METADATA_MAX_AGE } from '../oauth/metadata.ts'
import { PROTECTED_RESOURCE_METADATA_PATH, protectedResourceMetadata } from '../oauth/protected-resource-metadata.ts'
import { createIdentifyCaller } from './caller.ts'
import { createChallenges } from './challenge.ts'
import { createIdempotency } from './idempotency.ts'
import { openApiDocument } from './openapi/document.ts'
import { OPERATIONS } from './operations.ts'
import { postmanCollection } from './postman/collection.ts'
import { createAcceptToken } from './presented-token.ts'
import { createRateLimit } from './rate-limit.ts'
import { referencePage } from './reference/page.ts'
import { servePage } from './reference/serve.ts'
import { createManagementApi } from './router.ts'
import { createUserinfo } from './userinfo.ts'
import type { WebhookTools } from './webhooks/tools.ts'
import type { Workloads } from './workloads.ts'

interface Needs {
  core: Core
  workloads: Workloads
  webhooks: WebhookTools
  /** Requests a minute. */
  apiRateLimit: number
  metadata: ReturnType<typeof authorizationServerMetadata>
  /** RFC 9449 §8.2. */
  withNonce(handler: Handler): Handler
}

/** The protected resources of our own: the management API, userinfo, and what describes them. */
export function buildManagement({ core, workloads, webhooks, apiRateLimit, metadata, withNonce }: Needs) {
  const { mode, issuer } = core
  const challenges = createChallenges(issuer)
  const acceptToken = createAcceptToken({ ...core, challenges })
  const userinfo = withNonce(createUserinfo({ ...core, acceptToken, challenges }))
  const identifyCaller = createIdentifyCaller({ ...core, acceptToken, challenges })
  const document = (value: object) => {
    const published = publicDocument(value, METADATA_MAX_AGE)
    return serveDocument(() => published)
  }
  const described = { issuer, mode, metadata, operations: OPERATIONS }
  const openApi = openApiDocument(described)
  const routes: readonly [string, Handler][] = [
    ['GET /oauth/userinfo', userinfo],
    ['POST /oauth/userinfo', userinfo],
    ['GET /v1/postman.json', document(postmanCollection(described))],
    ['GET /v1/openapi.json', document(openApi)],
    ['GET /v1/reference', servePage(referencePage(mode, openApi), METADATA_MAX_AGE)],
    [`GET ${PROTECTED_RESOURCE_METADATA_PATH}`, document(protectedResourceMetadata(issuer))],
  ]
  const idempotency = createIdempotency(core)
  const rateLimit = createRateLimit({ ...core, limit: apiRateLimit })
  const api = createManagementApi({ ...core, identifyCaller, workloads, webhooks, idempotency, rateLimit })
  return { routes, api: withNonce(api), idempotency }
}
