import { parentPort } from 'node:worker_threads'
import { monotonic } from './even-time.ts'

/** The thread of even-time.ts: says of each moment that it has come. They come in their order, so one sleep does for all. */
const never = new Int32Array(new SharedArrayBuffer(4))

parentPort?.on('message', (moment: number) => {
  const left = moment - monotonic()
  // As precise as the system's own timers: a fraction of a millisecond counts.
  if (left > 0) Atomics.wait(never, 0, 0, left)
  parentPort?.postMessage(undefined)
})
