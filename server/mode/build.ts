import type { Foundation } from '../build.ts'
import type { EndpointContext, Handler } from '../http/context.ts'
import { buildManagement } from '../management/build.ts'
import { buildOAuth } from '../oauth/build.ts'
import { createDocumentClients } from '../oauth/client-metadata/document-clients.ts'
import type { ClientDocuments } from '../oauth/client-metadata/documents.ts'
import { withDpopNonce } from '../oauth/endpoints/dpop-nonce.ts'
import { allowanceOf } from '../outbound/allowance.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { buildPeople } from '../people/build.ts'
import type { VerifyReport } from '../secret-scanning/signature.ts'
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
  readonly verifyReport: VerifyReport
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
  const withNonce = <C extends EndpointContext>(handler: (ctx: C) => Promise<void> | void) =>
    withDpopNonce(core.dpopProofs, handler)
  const oauth = buildOAuth({ core, documentClients, exchange, handle, withNonce, verifyReport: fetched.verifyReport })
  const ownIssuers = [settings.liveUrl.origin, settings.sandboxUrl.origin]
  const workloads = { issuerRules: { allowance, ownIssuers }, verify }
  const webhooks = { masterKeys: foundation.masterKeys, allowance }
  const management = buildManagement({
    ...{ core, workloads, webhooks, metadata: oauth.metadata, withNonce },
    apiRateLimit: settings.apiRateLimit,
  })
  const runtime: ModeRuntime = {
    ...{ mode, issuer: core.issuer, host: url.host },
    routes: new Map([...oauth.routes, ...management.routes]),
    direct: oauth.direct,
    managementApi: management.api,
    pages: [
      ...['/oauth/authorize', '/oauth/logout'].map((prefix) => ({ prefix, handle })),
      ...['/oauth/interaction', '/account', '/sign-in'].map((prefix) => ({ prefix, handle: people.signIn })),
    ],
    errorPage: people.errorPage,
  }
  const { change, append, drain, later, keyRing, usage } = core
  const swept = [people.signInSessions, management.idempotency]
  return { runtime, change, append, drain, later, keyRing, usage, swept }
}
