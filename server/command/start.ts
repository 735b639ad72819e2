import cluster from 'node:cluster'
import { build } from '../build.ts'
import { createDigests } from '../credentials/digest.ts'
import { type Listening, listen } from '../http/listen.ts'
import { isLoopback, readSettings, type Settings } from '../settings.ts'
import { serveMetrics } from '../telemetry/metrics.ts'
import { bootstrap } from '../tenancy/bootstrap.ts'
import { announce, keepBootstrap } from './announce.ts'
import type { Command } from './command.ts'
import { type OpenFoundation, openFoundation } from './foundation.ts'
import { stopWhenParentDies } from './parent.ts'
import { superviseWorkers } from './workers.ts'

/** Milliseconds that requests in flight have to finish after SIGTERM. */
const DRAIN = 10_000

export const start: Command = {
  usage: 'start',
  meaning: 'run the server (migrates and, the first time, makes a tenant)',
  async run({ environment }) {
    const settings = readSettings(environment)
    if (settings.workers === 1) return serve(settings)
    if (cluster.isWorker) return serve(settings)
    await prepareOnce(settings)
    return superviseWorkers(settings.workers)
  },
}

/** Before any worker listens: the database is up to date, and what the first start made has been shown once. */
async function prepareOnce(settings: Settings): Promise<void> {
  const foundation = await openFoundation(settings)
  try {
    announce(settings, await prepare(foundation))
  } finally {
    await foundation.close()
  }
}

async function prepare({ settings, storage, masterKeys, clock }: OpenFoundation) {
  await storage.migrate()
  return bootstrap({
    database: storage.database,
    digests: createDigests(masterKeys),
    clock,
    urls: { live: settings.liveUrl.origin, test: settings.sandboxUrl.origin },
    keep: (made) => keepBootstrap(settings.dataDir, made),
  })
}

async function serve(settings: Settings): Promise<number> {
  const stopped = stopSignal()
  const foundation = await openFoundation(settings)
  const made = cluster.isWorker ? undefined : await prepare(foundation)
  const node = await build(foundation)
  const listening = await listenEverywhere(settings, node.listener)
  const metrics = settings.metricsPort
    ? await serveMetrics(foundation.registry as NonNullable<typeof foundation.registry>, settings.metricsPort)
    : undefined
  if (!cluster.isWorker) announce(settings, made)
  foundation.log.info({ addresses: listening.map(({ address }) => address) }, 'listening')

  foundation.log.info({ reason: await stopped }, 'stopping')
  node.startDraining()
  await Promise.all(listening.map(({ close }) => close(DRAIN)))
  await metrics?.close()
  await node.stop()
  await foundation.close()
  return 0
}

/** Resolves with what asks the process to stop: a signal, or the end of whoever started it. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    // Ctrl-C arrives several times: from the terminal, from npm, from the launcher. None after the first may kill.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal))
    stopWhenParentDies(() => resolve('parent gone'))
  })
}

async function listenEverywhere(settings: Settings, listener: Parameters<typeof listen>[0]): Promise<Listening[]> {
  const { liveUrl, sandboxUrl, port } = settings
  const ports = port ? [port] : [portOf(liveUrl), portOf(sandboxUrl)]
  const listening: Listening[] = []
  for (const each of ports) {
    for (const host of hostsOf(settings)) {
      try {
        listening.push(await listen(listener, each, host))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        // A machine without IPv6 has no ::1; the other loopback address is enough.
        if (host === '::1' && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) continue
        throw new Error(`Port ${each} can't be listened on (${code}); KC_PORT or the URLs choose another.`)
      }
    }
  }
  return listening
}

const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80)

/** `localhost` is two addresses, and clients differ in which they try. */
function hostsOf({ host, liveUrl, sandboxUrl }: Settings): (string | undefined)[] {
  if (host === 'localhost') return LOOPBACK
  if (host) return [host]
  return isLoopback(liveUrl) && isLoopback(sandboxUrl) ? LOOPBACK : [undefined]
}

const LOOPBACK = ['127.0.0.1', '::1']
