import { once } from 'node:events'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { createChain } from '../audit/chain.ts'
import { createDrain } from '../audit/drain.ts'
import { systemClock } from '../clock.ts'
import { loadMasterKeys } from '../credentials/master-key.ts'
import { MODES } from '../mode/mode.ts'
import { startRepeating } from '../repeating.ts'
import { readSettings } from '../settings.ts'
import { openStorage } from '../storage/open.ts'
import { createLog, type Logger } from '../telemetry/log.ts'
import type { Said } from './drain-thread.ts'

/** What runs in the thread of drain-thread.ts. It has connections of its own, and says what it has to say to its parent. */
const parent = parentPort as MessagePort

/** An error may hold what can't be handed on. */
const plain = ({ err, ...entry }: { err?: unknown }) =>
  err instanceof Error ? { ...entry, err: { type: err.name, message: err.message, stack: err.stack } } : entry

const say = (level: Said['level']) => (entry: object, message: string) =>
  parent.postMessage({ level, entry: plain(entry), message } satisfies Said)

const log = { info: say('info'), error: say('error') } as Pick<Logger, Said['level']>

/** Milliseconds. Nobody waits for it: what reads the log takes in what is pending first. */
const INTERVAL = 100

const settings = readSettings(process.env)
const chain = createChain(await loadMasterKeys(settings))
// That a store is away is the main thread's to say.
const storage = await openStorage(settings, { clock: systemClock, log: createLog({ level: 'silent' }) })
const stops = MODES.map((mode) => {
  const drain = createDrain({
    ...{ mode, clock: systemClock, chain, log },
    ...{ database: storage.database, state: storage.state[mode] },
  })
  const run = () => {
    drain.noted()
    return drain.some()
  }
  return startRepeating({ name: `audit log of ${mode} events`, intervalMs: INTERVAL, log, run })
})
await once(parent, 'message')
await Promise.all(stops.map((stop) => stop()))
await storage.close()
parent.close()
