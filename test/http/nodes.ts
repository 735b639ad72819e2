import { pino } from 'pino'
import { afterAll } from 'vitest'
import { build, type Foundation, type Node } from '../../server/build.ts'
import { createEvenTimes } from '../../server/credentials/even-time.ts'
import { type Listening, listen } from '../../server/http/listen.ts'
import { noMetrics } from '../../server/telemetry/metrics.ts'
import type { TestDeployment } from '../start.ts'

export const LIVE = 'https://api.example.com'
export const SANDBOX = 'https://sandbox.example.com'

/** One more node of a deployment, listening as the server itself does: one port, two public hosts, any further wish. */
export async function startPublicNode(
  deployment: TestDeployment,
  wishes: Partial<Omit<Foundation, 'settings'>> & { trustProxy?: boolean } = {},
  limits: Parameters<typeof listen>[3] = {},
): Promise<{ node: Node; port: number; listening: Listening }> {
  const { trustProxy = false, ...rest } = wishes
  const node = await build({
    settings: {
      liveUrl: new URL(LIVE),
      sandboxUrl: new URL(SANDBOX),
      trustProxy,
      keyRotationDays: 90,
      apiRateLimit: 1_000_000,
      outboundAllow: [],
      secretScanningKeysUrl: new URL('https://keys.invalid/'),
    },
    ...{ storage: deployment.storage, masterKeys: deployment.masterKeys, clock: deployment.clock },
    ...{ metrics: noMetrics, traces: { trace: undefined, stop: async () => {} }, evenTime: createEvenTimes(0) },
    log: pino({ level: 'silent' }) as Foundation['log'],
    ...rest,
  })
  const listening = await listen(node.listener, 0, '127.0.0.1', limits)
  afterAll(async () => {
    await listening.close(0)
    await node.stop()
  })
  return { node, listening, port: Number(listening.address.split(':').at(-1)) }
}
