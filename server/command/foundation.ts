import type { Registry } from 'prom-client'
import type { Foundation } from '../build.ts'
import { systemClock } from '../clock.ts'
import { createEvenTimes, EVEN_TIME } from '../credentials/even-time.ts'
import { loadMasterKeys } from '../credentials/master-key.ts'
import type { Settings } from '../settings.ts'
import { DirectoryInUse } from '../storage/embedded-lock.ts'
import { openStorage } from '../storage/open.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics, noMetrics } from '../telemetry/metrics.ts'
import { startTraces } from '../telemetry/traces.ts'

export interface OpenFoundation extends Foundation {
  readonly settings: Settings
  /** Undefined while metrics are off. */
  readonly registry: Registry | undefined
  close(): Promise<void>
}

/** What the server and the commands that touch the stores need, opened from the settings. */
export async function openFoundation(settings: Settings, options: { patience?: number } = {}): Promise<OpenFoundation> {
  const clock = systemClock
  const log = createLog({ level: settings.logLevel, pretty: process.stdout.isTTY === true })
  const masterKeys = await loadMasterKeys(settings)
  const storage = await openStorage(settings, { clock, log, ...options })
  const { metrics, registry } = settings.metricsPort ? createMetrics() : { metrics: noMetrics, registry: undefined }
  const traces = await startTraces(settings.otlpEndpoint)
  return {
    ...{ settings, storage, masterKeys, clock, log, metrics, registry, traces },
    evenTime: createEvenTimes(EVEN_TIME),
    async close() {
      await storage.close()
      await traces.stop()
    },
  }
}

/** Milliseconds that a command waits for the data directory: its owner is most likely a server, which won't leave. */
const COMMAND_PATIENCE = 500

/** Opens the foundation, lets `work` use it, and closes it. @throws {Error} a sentence. */
export async function withFoundation<T>(settings: Settings, work: (open: OpenFoundation) => Promise<T>): Promise<T> {
  const foundation = await openFoundation(settings, { patience: COMMAND_PATIENCE }).catch((error) => {
    if (!(error instanceof DirectoryInUse)) throw error
    throw new Error(
      `The data directory ${settings.dataDir} is in use by another Keycourt process, most likely the server. ` +
        'Only one can have the embedded database: stop it, run this, and start it again.',
    )
  })
  try {
    return await work(foundation)
  } finally {
    await foundation.close()
  }
}
