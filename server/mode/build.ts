import type { Foundation } from '../build.ts'
import type { Handler } from '../http/context.ts'
import { buildManagement } from '../management/build.ts'
import { buildOAuth } from '../oauth/build.ts'
import { createDocumentClients } from '../oauth/client-metadata/document-clients.ts'
import type { ClientDocuments } from '../oauth/client-metadata/documents.ts'
import { withDpopNonce } from '../oauth/endpoints/dpop-nonce.ts'
import { allowanceOf } from '../outbound/allowance.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { buildPeople } from '../people/build.ts'
import { buildWorkloadIdentity } from '../workload-identity/build.ts'
import type { IssuerKeys } from '../workload-identity/issuer-keys.ts'
import { buildCore } from './core.ts'
import type { Mode } from './mode.ts'
import type { ModeRuntime } from './runtime.ts'

/** What both modes fetch from outside, and keep: it is the same for both. */
export interface Fetched {
  readonly outbound: Outbound
  readonly documents: ClientDocuments
  readonly issuerKeys: IssuerKeys
}

/** One of the two worlds, put together. */
export async function buildMode(foundation: Foundation, fetched: Fetched, mode: Mode, url: URL) {
  const { settings } = foundation
  const allowance = allowanceOf(settings.outboundAllow)
  const core = await buildCore(foundation, mode, url.origin)
  const documentClients = createDocumentClients({
    ...core,
    documents: fetched.documents,
    isPlainAllowed: allowance.names,
  })
  const people = buildPeople(foundation, { ...core, documentClients })
  const { exchange, verify } = buildWorkloadIdentity({ ...core, ...fetched })

  const handle: Handler = (ctx) => people.authorizationServer().handle(ctx)
  const withNonce = (handler: Handler) => withDpopNonce(core.dpopProofs, handler)
  const oauth = buildOAuth({ core, documentClients, exchange, handle, withNonce })
  const ownIssuers = [settings.liveUrl.origin, settings.sandboxUrl.origin]
  const workloads = { issuerRules: { allowance, ownIssuers }, verify }
  const management = buildManagement({ core, workloads, metadata: oauth.metadata, withNonce })
  const runtime: ModeRuntime = {
    ...{ mode, issuer: core.issuer, host: url.host },
    routes: new Map([...oauth.routes, ...management.routes]),
    managementApi: management.api,
    pages: [
      ...['/oauth/authorize', '/oauth/logout'].map((prefix) => ({ prefix, handle })),
      ...['/oauth/interaction', '/account', '/sign-in'].map((prefix) => ({ prefix, handle: people.signIn })),
    ],
    errorPage: people.errorPage,
  }
  return { runtime, keyRing: core.keyRing, sessions: people.signInSessions }
}
