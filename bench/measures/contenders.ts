import { join } from 'node:path'
import { aimedAt, type RawRequest, writeRequests } from '../load/request.ts'
import { sendAll } from '../load/send-all.ts'
import { type Load, type Script, wrk } from '../load/wrk.ts'
import type { Against, Options } from '../options.ts'
import type { Running } from '../processes.ts'
import type { Address, Servers, World } from '../world.ts'
import { caughtUp } from './caught-up.ts'
import type { Measure, Prepared } from './measure.ts'

/** One of those whose turn comes in each round. */
export interface Contender {
  readonly against: Against | 'ours'
  readonly title: string
  warmUp(): Promise<unknown>
  run(seconds: number): Promise<Run>
}

export interface Run extends Load {
  /** Microseconds of processor time per request. */
  readonly cpu: number
}

interface Entry {
  readonly against: Contender['against']
  readonly title: string
  readonly address: Address
  readonly server: Running
  readonly requests: Prepared['requests']
  readonly goodOnce?: boolean | undefined
  readonly script?: Script | undefined
  after?(): Promise<void>
}

/** What is hoped for at first, in requests a second, and how many more than the best so far are made ready. */
const FIRST_GUESS = 5_000
const MARGIN = 1.3
/** Of requests that are good once: what a bare handler gets, again and again. */
const SOME = 1_000

export async function contenders(measure: Measure, world: World, servers: Servers, options: Options) {
  const { name, title, floor, defaultFloor, signature } = measure
  const prepared = await measure.prepare(world)
  const { requests, goodOnce, script, bare, oidcProvider } = prepared
  const entries: Entry[] = [
    {
      ...{ against: 'ours', title, address: world.ours, server: servers.ours, requests, goodOnce, script },
      after: () => caughtUp(world),
    },
  ]
  const at = { address: world.floor, server: servers.floor }
  const asOurs = (path: string) => async () => aimedAt(path, await requests(goodOnce ? SOME : options.clients))
  const same = (all: readonly RawRequest[]) => async () => all
  if (options.against.includes('floor')) {
    const { title, path } = floor
    entries.push({ against: 'floor', title, ...at, requests: bare?.floor ? same(bare.floor) : asOurs(path) })
  }
  if (defaultFloor && options.against.includes('default-floor')) {
    const { title, path } = defaultFloor
    entries.push({ against: 'default-floor', title, ...at, requests: asOurs(path) })
  }
  if (signature && bare?.signature && options.against.includes('signature')) {
    entries.push({ against: 'signature', title: signature.title, ...at, requests: same(bare.signature) })
  }
  if (oidcProvider && servers.oidcProvider) {
    entries.push({
      ...{ against: 'oidc-provider', title: 'bare oidc-provider', address: world.oidcProvider },
      ...{ server: servers.oidcProvider, requests: oidcProvider, goodOnce },
    })
  }
  return entries.map((entry) => contender(entry, join(world.dir, `${name} ${entry.against}`), options))
}

function contender(entry: Entry, file: string, { clients, connections }: Options): Contender {
  const { against, title, address, server, requests, goodOnce, script, after = async () => {} } = entry
  const { port } = address
  let best = FIRST_GUESS / MARGIN
  return {
    ...{ against, title },
    /** Each client once: from then on everybody is known. */
    warmUp: async () => sendAll(port, await requests(clients)),
    async run(seconds) {
      const wanted = goodOnce ? Math.ceil(best * MARGIN * seconds) : clients
      await writeRequests(file, await requests(wanted))
      const before = await server.processorTime()
      const load = await wrk({ port, file, seconds, connections, ...(script && { script }) })
      await after()
      best = Math.max(best, load.perSecond)
      return { ...load, cpu: ((await server.processorTime()) - before) / load.requests }
    },
  }
}
