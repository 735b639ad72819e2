import type { Handler } from '../http/context.ts'
import type { Core } from '../mode/core.ts'
import { publicDocument, serveDocument } from '../oauth/endpoints/documents.ts'
import { type authorizationServerMetadata, METADATA_MAX_AGE } from '../oauth/metadata.ts'
import { PROTECTED_RESOURCE_METADATA_PATH, protectedResourceMetadata } from '../oauth/protected-resource-metadata.ts'
import { createIdentifyCaller } from './caller.ts'
import { createChallenges } from './challenge.ts'
import { OPERATIONS } from './operations.ts'
import { postmanCollection } from './postman/collection.ts'
import { createAcceptToken } from './presented-token.ts'
import { createManagementApi } from './router.ts'
import { createUserinfo } from './userinfo.ts'
import type { Workloads } from './workloads.ts'

interface Needs {
  core: Core
  workloads: Workloads
  metadata: ReturnType<typeof authorizationServerMetadata>
  /** RFC 9449 §8.2. */
  withNonce(handler: Handler): Handler
}

/** The protected resources of our own: the management API, userinfo, and what describes them. */
export function buildManagement({ core, workloads, metadata, withNonce }: Needs) {
  const { mode, issuer } = core
  const challenges = createChallenges(issuer)
  const acceptToken = createAcceptToken({ ...core, challenges })
  const userinfo = withNonce(createUserinfo({ ...core, acceptToken, challenges }))
  const identifyCaller = createIdentifyCaller({ ...core, acceptToken, challenges })
  const document = (value: object) => {
    const published = publicDocument(value, METADATA_MAX_AGE)
    return serveDocument(() => published)
  }
  const routes: readonly [string, Handler][] = [
    ['GET /oauth/userinfo', userinfo],
    ['POST /oauth/userinfo', userinfo],
    ['GET /v1/postman.json', document(postmanCollection({ issuer, mode, metadata, operations: OPERATIONS }))],
    [`GET ${PROTECTED_RESOURCE_METADATA_PATH}`, document(protectedResourceMetadata(issuer))],
  ]
  return { routes, api: withNonce(createManagementApi({ ...core, identifyCaller, workloads })) }
}
