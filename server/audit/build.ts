import type { Mode } from '../mode/mode.ts'
import { startRepeating } from '../repeating.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Drain } from './drain.ts'
import type { Retention } from './retention.ts'

interface Needs {
  readonly drains: Record<Mode, Drain>
  /** Whether token events are taken in here, in the background: else somebody else does. */
  readonly isDraining: boolean
  readonly retention: Retention
  readonly log: Logger
}

const DRAIN_INTERVAL = 500
const RETENTION_INTERVAL = 3600_000

/** What the audit log does in the background. */
export function startAuditLog({ drains, isDraining, retention, log }: Needs) {
  const draining = isDraining ? Object.entries(drains) : []
  const stopDraining = draining.map(([mode, { some }]) =>
    startRepeating({ name: `audit log of ${mode} events`, intervalMs: DRAIN_INTERVAL, log, run: some }),
  )
  const stopTrimming = startRepeating({
    ...{ name: 'audit log retention', intervalMs: RETENTION_INTERVAL, log },
    run: retention.trim,
  })
  const drainAll = async () => {
    for (const drain of Object.values(drains)) await drain.all()
  }
  return {
    /** Takes in now what was recorded so far. */
    drain: drainAll,
    /** Another node would find what is left, but it may be long until there is one. */
    async stop() {
      await Promise.all([stopTrimming(), ...stopDraining.map((stop) => stop())])
      await drainAll().catch((error) => log.error({ err: error }, 'the last token events are still to be taken in'))
    },
  }
}
