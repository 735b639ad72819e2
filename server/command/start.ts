import cluster from 'node:cluster'
import { createAppend } from '../audit/append.ts'
import { createChain } from '../audit/chain.ts'
import { build } from '../build.ts'
import { createDigests } from '../credentials/digest.ts'
import { readSettings, type Settings } from '../settings.ts'
import { createLog } from '../telemetry/log.ts'
import { metricsOfWorkers, offerMetrics } from '../telemetry/worker-metrics.ts'
import { type Bootstrap, bootstrap } from '../tenancy/bootstrap.ts'
import { announce, keepBootstrap } from './announce.ts'
import type { CommandCall, Run } from './command.ts'
import { startDrainThread } from './drain-thread.ts'
import { type OpenFoundation, openFoundation } from './foundation.ts'
import { checkPorts, listenEverywhere, listenForMetrics } from './listening.ts'
import { stopWhenParentDies } from './parent.ts'
import { superviseWorkers, tellListening } from './workers.ts'

/** Milliseconds that requests in flight have to finish after SIGTERM. */
const DRAIN = 10_000

export const start: Run = async ({ environment }) => {
  const settings = readSettings(environment)
  if (cluster.isWorker) return serve(settings, environment)
  await checkPorts(settings)
  return settings.workers === 1 ? serve(settings, environment) : supervise(settings)
}

async function supervise(settings: Settings): Promise<number> {
  const made = await prepareOnce(settings)
  const metrics = await listenForMetrics(settings, metricsOfWorkers())
  const code = await superviseWorkers(settings.workers, {
    log: createLog({ level: settings.logLevel }),
    onListening: () => announce(settings, made),
  })
  await metrics?.close()
  return code
}

/** Before there is any worker: the database is up to date. Resolves with what the first start made. */
async function prepareOnce(settings: Settings): Promise<Bootstrap | undefined> {
  const foundation = await openFoundation(settings)
  try {
    return await prepare(foundation)
  } finally {
    await foundation.close()
  }
}

async function prepare({ settings, storage, masterKeys, clock }: OpenFoundation) {
  await storage.migrate()
  return bootstrap({
    database: storage.database,
    digests: createDigests(masterKeys),
    append: createAppend(createChain(masterKeys)),
    clock,
    urls: { live: settings.liveUrl.origin, test: settings.sandboxUrl.origin },
    keep: (made) => keepBootstrap(settings.dataDir, made),
  })
}

async function serve(settings: Settings, environment: CommandCall['environment']): Promise<number> {
  const stopped = stopSignal()
  const foundation = await openFoundation(settings)
  // What is open is closed in reverse, however far the start came: else a failed one would never end.
  const closing = [foundation.close]
  try {
    const made = cluster.isWorker ? undefined : await prepare(foundation)
    const node = await build(foundation, { isDraining: !settings.databaseUrl })
    closing.push(node.stop)
    if (settings.databaseUrl) closing.push(startDrainThread(environment, foundation.log))
    const metrics = await metricsOf(foundation)
    if (metrics) closing.push(metrics.close)
    const listening = await listenEverywhere(settings, node.listener)
    closing.push(async () => {
      node.startDraining()
      await Promise.all(listening.map(({ close }) => close(DRAIN)))
    })
    if (cluster.isWorker) tellListening()
    else announce(settings, made)
    foundation.log.info({ addresses: listening.map(({ address }) => address) }, 'listening')
    foundation.log.info({ reason: await stopped }, 'stopping')
  } finally {
    for (const close of closing.reverse()) await close()
  }
  return 0
}

async function metricsOf({ settings, registry }: OpenFoundation) {
  if (!registry) return undefined
  if (!cluster.isWorker) return listenForMetrics(settings, registry)
  offerMetrics(registry)
  return undefined
}

/** Resolves with what asks the process to stop: a signal, or the end of whoever started it. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    // Ctrl-C arrives several times: from the terminal, from npm, from the launcher. None after the first may kill.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal))
    stopWhenParentDies(() => resolve('parent gone'))
  })
}
