import { type Listener, type Listening, listen } from '../http/listen.ts'
import type { Settings } from '../settings.ts'
import { type MetricsSource, serveMetrics } from '../telemetry/metrics.ts'
import { addressesOf, hostsOf, isMissingLoopback } from './addresses.ts'

/** @throws {Error} a sentence, if an address is taken or not ours; then none is held. */
export async function listenEverywhere(settings: Settings, listener: Listener): Promise<Listening[]> {
  const listening: Listening[] = []
  try {
    for (const { port, host } of addressesOf(settings)) {
      try {
        listening.push(await listen(listener, port, host))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (isMissingLoopback(host, code)) continue
        throw new Error(`Port ${port} can't be listened on (${code}); KC_PORT or the URLs choose another.`)
      }
    }
    return listening
  } catch (error) {
    await Promise.all(listening.map(({ close }) => close(0)))
    throw error
  }
}

/** Before anything is made or migrated: a start that can't listen must leave nothing behind. @throws {Error} a sentence. */
export async function checkPorts(settings: Settings): Promise<void> {
  const listening = await listenEverywhere(settings, {
    onRequest: (_, response) => response.writeHead(503, { 'retry-after': '1', connection: 'close' }).end(),
  })
  await Promise.all(listening.map(({ close }) => close(0)))
}

/** On the first address that requests come to, since that one is reachable. @throws {Error} a sentence. */
export async function listenForMetrics(settings: Settings, source: MetricsSource) {
  const { metricsPort } = settings
  if (!metricsPort) return undefined
  try {
    return await serveMetrics(source, metricsPort, hostsOf(settings)[0])
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`KC_METRICS_PORT is "${metricsPort}", which can't be listened on (${code}); it wants a free port.`)
  }
}
