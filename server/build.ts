import { startFollowing } from '../keys/follow.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { ensureKeys } from '../keys/rotate.ts'
import { startAuditLog } from './audit/build.ts'
import { createRetention } from './audit/retention.ts'
import type { Clock } from './clock.ts'
import type { EvenTime } from './credentials/even-time.ts'
import { createExpiryNotices } from './credentials/expiry-notices.ts'
import type { MasterKeys } from './credentials/master-key.ts'
import { createUsageSweep } from './credentials/usage-days.ts'
import { createApp } from './http/app.ts'
import type { Listener } from './http/listen.ts'
import { buildMode } from './mode/build.ts'
import { MODES, type Mode } from './mode/mode.ts'
import { createClientDocuments } from './oauth/client-metadata/documents.ts'
import { createOutbound } from './outbound/outbound.ts'
import { startRepeating } from './repeating.ts'
import { createScannerKeys } from './secret-scanning/public-keys.ts'
import { createVerifyReport } from './secret-scanning/signature.ts'
import type { Settings } from './settings.ts'
import type { Storage } from './storage/open.ts'
import { startSweeper } from './storage/sweeper.ts'
import { createClockWatch } from './telemetry/clock-watch.ts'
import type { Logger } from './telemetry/log.ts'
import type { Metrics } from './telemetry/metrics.ts'
import type { Traces } from './telemetry/traces.ts'
import { startWebhooks } from './webhooks/build.ts'
import { createMessageSweep } from './webhooks/sweep.ts'
import { createIssuerKeys } from './workload-identity/issuer-keys.ts'
import { warmIssuerKeys } from './workload-identity/warm.ts'

/** What the process was started with. */
export interface Foundation {
  readonly settings: Pick<
    Settings,
    | 'liveUrl'
    | 'sandboxUrl'
    | 'trustProxy'
    | 'keyRotationDays'
    | 'outboundAllow'
    | 'apiRateLimit'
    | 'secretScanningKeysUrl'
  >
  readonly storage: Storage
  readonly masterKeys: MasterKeys
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly traces: Traces
  /** For each request one. */
  readonly evenTime: () => EvenTime
}

/** A node, ready to listen. */
export interface Node {
  readonly listener: Listener
  readonly keyRings: Record<Mode, KeyRing>
  /** From now on `/readyz` says no: the balancer sends nobody more. */
  startDraining(): void
  /** Writes now what of the use of secrets was only counted so far. Comes by itself, at least every minute, and at the stop. */
  flushUsage(): Promise<void>
  /** Takes token events into the audit log now. Comes by itself, less than a second later, and at the stop. */
  drainEvents(): Promise<void>
  /** Ends what runs in the background. The storage stays open: it was the caller's. */
  stop(): Promise<void>
}

const SWEEP_INTERVAL = 60_000
/** Give or take a quarter: what is shown of the use of a secret is less than a minute old. */
const USAGE_INTERVAL = 40_000
const NOTICE_INTERVAL = 15 * 60_000
const CLOCK_INTERVAL = 10_000

/**
 * The composition root, with `mode/build.ts` below it: the only places that know everything.
 * @param isDraining whether token events are taken into the audit log here, and not by a thread of their own
 */
export async function build(foundation: Foundation, { isDraining = true } = {}): Promise<Node> {
  const { settings, storage, masterKeys, clock, log, metrics, traces } = foundation
  await ensureKeys({ database: storage.database, masterKeys, clock })
  const outbound = createOutbound({ allow: settings.outboundAllow })
  const documents = createClientDocuments({ outbound, clock })
  const issuerKeys = createIssuerKeys({ outbound, clock })
  await warmIssuerKeys(storage.database, issuerKeys)
  const scannerKeys = createScannerKeys({ outbound, clock, url: settings.secretScanningKeysUrl })
  const fetched = { outbound, documents, issuerKeys, verifyReport: createVerifyReport(scannerKeys) }
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
    stores: [
      ...MODES.map((mode) => storage.state[mode]),
      ...live.swept,
      ...test.swept,
      createMessageSweep({ database: storage.database, clock }),
      createUsageSweep({ database: storage.database, clock }),
    ],
    vacuum: storage.vacuum,
    log,
    intervalMs: SWEEP_INTERVAL,
  })
  const webhooks = startWebhooks(foundation, { change: live.change, outbound })
  const expiryNotices = createExpiryNotices({ database: storage.database, change: live.change, clock })
  const stopNoticing = startRepeating({
    ...{ name: 'expiry notices', intervalMs: NOTICE_INTERVAL, log },
    run: expiryNotices.give,
  })
  const auditLog = startAuditLog({
    drains: { live: live.drain, test: test.drain },
    isDraining,
    retention: createRetention({ database: storage.database, append: live.append, clock }),
    log,
  })
  const clockWatch = createClockWatch({ clock, log })
  const stopWatching = startRepeating({
    ...{ name: 'clock watch', intervalMs: CLOCK_INTERVAL, log },
    run: async () => clockWatch.look(),
  })
  const flushUsage = async () => {
    await Promise.all([live, test].map(({ usage }) => usage.flush()))
  }
  const stopCounting = startRepeating({ name: 'counting uses', intervalMs: USAGE_INTERVAL, log, run: flushUsage })
  return {
    listener,
    keyRings: { live: live.keyRing, test: test.keyRing },
    startDraining() {
      isOpen = false
    },
    flushUsage,
    drainEvents: auditLog.drain,
    async stop() {
      await Promise.all([
        ...[stopCounting(), stopFollowing(), stopSweeping(), stopWatching()],
        ...[webhooks.stop(), stopNoticing()],
      ])
      await Promise.all([live, test].map(({ later }) => later.finish()))
      await auditLog.stop()
      await flushUsage().catch((error) => log.error({ err: error }, 'the last uses of secrets are not counted'))
    },
  }
}
