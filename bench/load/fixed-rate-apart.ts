import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type FixedRate, fixedRate, type Wanted as WantedHere } from './fixed-rate.ts'
import { QUEUES } from './queues.ts'
import type { RawRequest } from './request.ts'
import type { Script } from './wrk.ts'

/** Of what goes from thread to thread: no queue, but what one is made of. */
interface Wanted extends Omit<WantedHere, 'queue'> {
  readonly requests: readonly RawRequest[]
  readonly script: Script
}

/**
 * {@link fixedRate} in a thread with a small heap of its own. The bench's holds all that it ever made: to mark it through
 * takes a tenth of a second of one of two cores, in which it would find the server slow.
 */
export async function fixedRateApart(wanted: Wanted): Promise<FixedRate> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: wanted,
    resourceLimits: { maxYoungGenerationSizeMb: 256 },
  })
  const [result] = await once(worker, 'message')
  await worker.terminate()
  return result
}

if (!isMainThread) {
  const { requests, script, ...wanted } = workerData as Wanted
  parentPort?.postMessage(await fixedRate({ ...wanted, queue: QUEUES[script](requests) }))
}
