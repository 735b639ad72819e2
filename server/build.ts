import type { RequestListener } from 'node:http'
import { startFollowing } from '../keys/follow.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { ensureKeys } from '../keys/rotate.ts'
import type { Clock } from './clock.ts'
import type { MasterKeys } from './credentials/master-key.ts'
import { createApp } from './http/app.ts'
import { buildMode } from './mode/build.ts'
import { MODES, type Mode } from './mode/mode.ts'
import { createClientDocuments } from './oauth/client-metadata/documents.ts'
import { createOutbound } from './outbound/outbound.ts'
import type { Settings } from './settings.ts'
import type { Storage } from './storage/open.ts'
import { startSweeper } from './storage/sweeper.ts'
import type { Logger } from './telemetry/log.ts'
import type { Metrics } from './telemetry/metrics.ts'
import type { Traces } from './telemetry/traces.ts'
import { createIssuerKeys } from './workload-identity/issuer-keys.ts'
import { warmIssuerKeys } from './workload-identity/warm.ts'

/** What the process was started with. */
export interface Foundation {
  readonly settings: Pick<Settings, 'liveUrl' | 'sandboxUrl' | 'trustProxy' | 'keyRotationDays' | 'outboundAllow'>
  readonly storage: Storage
  readonly masterKeys: MasterKeys
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly traces: Traces
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

/** The composition root, with `mode/build.ts` below it: the only places that know everything. */
export async function build(foundation: Foundation): Promise<Node> {
  const { settings, storage, masterKeys, clock, log, metrics, traces } = foundation
  await ensureKeys({ database: storage.database, masterKeys, clock })
  const outbound = createOutbound({ allow: settings.outboundAllow })
  const documents = createClientDocuments({ outbound, clock })
  const issuerKeys = createIssuerKeys({ outbound, clock })
  await warmIssuerKeys(storage.database, issuerKeys)
  const fetched = { outbound, documents, issuerKeys }
  const [live, test] = await Promise.all([
    buildMode(foundation, fetched, 'live', settings.liveUrl),
    buildMode(foundation, fetched, 'test', settings.sandboxUrl),
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
    stores: [...MODES.map((mode) => storage.state[mode]), live.sessions, test.sessions],
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
