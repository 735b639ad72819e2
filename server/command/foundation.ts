import type { Registry } from 'prom-client'
import type { Foundation } from '../build.ts'
import { systemClock } from '../clock.ts'
import { loadMasterKeys } from '../credentials/master-key.ts'
import type { Settings } from '../settings.ts'
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

/** What every command that touches the stores needs, opened from the settings. */
export async function openFoundation(settings: Settings): Promise<OpenFoundation> {
  const clock = systemClock
  const log = createLog({ level: settings.logLevel })
  const masterKeys = await loadMasterKeys(settings)
  const storage = await openStorage(settings, { clock, log })
  const { metrics, registry } = settings.metricsPort ? createMetrics() : { metrics: noMetrics, registry: undefined }
  const traces = await startTraces(settings.otlpEndpoint)
  return {
    ...{ settings, storage, masterKeys, clock, log, metrics, registry, traces },
    async close() {
      await storage.close()
      await traces.stop()
    },
  }
}
