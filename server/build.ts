import type { RequestListener } from 'node:http'
import { startFollowing } from '../keys/follow.ts'
import { createKeyRing, type KeyRing } from '../keys/key-ring.ts'
import { ensureKeys } from '../keys/rotate.ts'
import { createChange } from './audit/change.ts'
import type { Clock } from './clock.ts'
import { createAuthenticator } from './credentials/authenticator.ts'
import { createClientRegistry } from './credentials/client-registry.ts'
import { createDigests } from './credentials/digest.ts'
import { createFailureLimit } from './credentials/failure-limit.ts'
import type { MasterKeys } from './credentials/master-key.ts'
import { createStandings } from './credentials/standings.ts'
import { createApp } from './http/app.ts'
import type { Handler } from './http/context.ts'
import { createIdentifyCaller } from './management/caller.ts'
import { createManagementApi } from './management/router.ts'
import { MODES, type Mode } from './mode/mode.ts'
import type { ModeRuntime } from './mode/runtime.ts'
import { createAccessTokens } from './oauth/access-token.ts'
import { createDpopProofs } from './oauth/dpop-proof.ts'
import { publicDocument, serveDocument } from './oauth/endpoints/documents.ts'
import { createIntrospectionEndpoint } from './oauth/endpoints/introspection.ts'
import { createRevocationEndpoint } from './oauth/endpoints/revocation.ts'
import { createTokenEndpoint, type ProviderRoute } from './oauth/endpoints/token.ts'
import { createClientCredentialsGrant } from './oauth/grants/client-credentials.ts'
import { createIntrospect } from './oauth/introspection.ts'
import { authorizationServerMetadata, METADATA_MAX_AGE } from './oauth/metadata.ts'
import { createProviderRoute } from './oauth/provider.ts'
import { createRevoke } from './oauth/revocation.ts'
import { createScopeSets } from './oauth/scope-set.ts'
import type { Settings } from './settings.ts'
import type { Storage } from './storage/open.ts'
import { startSweeper } from './storage/sweeper.ts'
import type { Logger } from './telemetry/log.ts'
import type { Metrics } from './telemetry/metrics.ts'
import type { Traces } from './telemetry/traces.ts'

/** What the process was started with. */
export interface Foundation {
  readonly settings: Pick<Settings, 'liveUrl' | 'sandboxUrl' | 'trustProxy' | 'keyRotationDays'>
  readonly storage: Storage
  readonly masterKeys: MasterKeys
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly traces: Traces
  /** See createTokenEndpoint. */
  readonly plainRoute?: boolean
}

/** A node, ready to listen. */
export interface Node {
  readonly listener: RequestListener
  readonly keyRings: Record<Mode, KeyRing>
  /** From now on `/readyz` says no: the balancer sends nobody more. */
  startDraining(): void
  /** Ends what runs in the background. The storage stays open: it was the caller's. */
  stop(): Promise<void>
}

const SWEEP_INTERVAL = 60_000

/** The composition root: the only place that knows everything. */
export async function build(foundation: Foundation): Promise<Node> {
  const { settings, storage, masterKeys, clock, log, metrics, traces } = foundation
  await ensureKeys({ database: storage.database, masterKeys, clock })
  const [live, test] = await Promise.all([
    buildMode(foundation, 'live', settings.liveUrl),
    buildMode(foundation, 'test', settings.sandboxUrl),
  ])
  let isOpen = true
  const listener = createApp({
    ...{ trustProxy: settings.trustProxy, log, metrics, traces },
    modes: [live.runtime, test.runtime],
    ping: storage.ping,
    isOpen: () => isOpen,
  })
  const stopFollowing = startFollowing([live.keyRing, test.keyRing], { log })
  const stopSweeping = startSweeper({
    stores: MODES.map((mode) => storage.state[mode]),
    vacuum: storage.vacuum,
    log,
    intervalMs: SWEEP_INTERVAL,
  })
  return {
    listener,
    keyRings: { live: live.keyRing, test: test.keyRing },
    startDraining() {
      isOpen = false
    },
    async stop() {
      await Promise.all([stopFollowing(), stopSweeping()])
    },
  }
}

async function buildMode(foundation: Foundation, mode: Mode, url: URL) {
  const { settings, storage, masterKeys, clock, log, metrics, plainRoute } = foundation
  const { database } = storage
  const state = storage.state[mode]
  const issuer = url.origin

  const digests = createDigests(masterKeys)
  const standings = createStandings({ mode, database, state })
  const clients = createClientRegistry({ mode, database, standings })
  const failureLimit = createFailureLimit({ state, clock })
  const authenticator = createAuthenticator({ mode, clients, digests, failureLimit, clock, metrics })
  const tokens = createAccessTokens({
    mode,
    state,
    standings,
    digests,
    scopeSets: createScopeSets({ database }),
    clock,
  })
  const dpopProofs = createDpopProofs({ state, clock })
  const change = createChange({ database, state: storage.state, clock })

  const clientCredentials = createClientCredentialsGrant({ issuer, tokens })
  const introspect = createIntrospect({ mode, issuer, authenticator, tokens })
  const revoke = createRevoke({ mode, issuer, authenticator, tokens, change, clock })
  const keyRing = await createKeyRing({
    ...{ database, masterKeys, clock, log, mode, rotationDays: settings.keyRotationDays },
  })

  // oidc-provider reads its keys once, so new keys mean a new provider; requests under way finish on the old one.
  const buildProvider = (): ProviderRoute =>
    createProviderRoute({
      ...{ issuer, clientCredentials, dpopProofs },
      signingKeys: keyRing.current().signingKeys,
      dpopNonceSecret: masterKeys.current.derive(`dpop-nonce ${mode}`, 32),
      cookieKeys: masterKeys.all.map((key) => key.derive(`cookies ${mode}`, 32).toString('base64url')),
    })
  let provider = buildProvider()
  keyRing.onChange(() => {
    provider = buildProvider()
  })

  const metadata = serveDocument(() => metadataDocument)
  const metadataDocument = publicDocument(authorizationServerMetadata(issuer), METADATA_MAX_AGE)
  const tokenEndpoint = createTokenEndpoint({
    ...{ mode, authenticator, clientCredentials, metrics },
    providerRoute: (...request) => provider(...request),
    ...(plainRoute !== undefined && { plainRoute }),
  })
  const routes = new Map<string, Handler>([
    ['POST /oauth/token', tokenEndpoint],
    ['POST /oauth/introspect', createIntrospectionEndpoint({ mode, authenticator, introspect })],
    ['POST /oauth/revoke', createRevocationEndpoint({ mode, authenticator, revoke })],
    ['GET /oauth/jwks', serveDocument(() => keyRing.current().jwks)],
    ['GET /.well-known/oauth-authorization-server', metadata],
    ['GET /.well-known/openid-configuration', metadata],
  ])

  const identifyCaller = createIdentifyCaller({
    ...{ mode, issuer, authenticator, clients, tokens, dpopProofs },
  })
  const managementApi = createManagementApi({ mode, issuer, identifyCaller, database, change, digests, clock })
  const runtime: ModeRuntime = { mode, issuer, host: url.host, routes, managementApi }
  return { runtime, keyRing }
}
