import { join } from 'node:path'
import { freePorts } from '../../test/services/server-process.ts'
import { type RawRequest, writeRequests } from '../load/request.ts'
import { sendAll } from '../load/send-all.ts'
import { wrk } from '../load/wrk.ts'
import { caughtUp } from '../measures/caught-up.ts'
import { mint } from '../measures/mint.ts'
import type { Options } from '../options.ts'
import type { Memory } from '../results.ts'
import type { World } from '../world.ts'
import { inspectable, openInspector } from './inspector.ts'

/** Runs of mints, and a look after each. */
const LOOKS = 5

export interface MintedOverHttp {
  readonly node: Memory['node']
  /** Each left a token, which lives. */
  readonly mints: number
  /** Bytes of PostgreSQL per mint. */
  readonly auditEntry: number
}

type Load = Pick<Options, 'seconds' | 'connections'>

/** What the server holds while it mints on and on, on a Redis of its own. @param load of mints between two looks */
export async function mintOverHttp(world: World, redisUrl: string, load: Load): Promise<MintedOverHttp> {
  const [port] = (await freePorts(1)) as [number]
  const server = await world.startOurs({ redisUrl, nodeArgs: inspectable(port) })
  const inspector = await openInspector(port)
  const requests: readonly RawRequest[] = await (await mint.prepare(world)).requests(0)
  const file = join(world.dir, 'mint memory')
  await writeRequests(file, requests)

  const looks: { mints: number; heap: number; resident: number }[] = []
  let mints = 0
  const look = async () => {
    await caughtUp(world)
    looks.push({ mints, heap: await inspector.heap(), resident: await server.residentBytes() })
  }
  const began = performance.now()
  const logBefore = await auditLog(world)
  mints += (await sendAll(world.ours.port, requests)).length
  const run = async () => {
    const { requests: sent, errors } = await wrk({ port: world.ours.port, file, ...load })
    mints += sent - errors
  }
  // Until the first look the heap is still growing to its working size.
  for (let at = 0; at <= LOOKS; at++) {
    await run()
    await look()
  }
  const logAfter = await auditLog(world)
  inspector.close()
  await server.stop()
  const [first, last] = [looks[0], looks.at(-1)] as [(typeof looks)[0], (typeof looks)[0]]
  return {
    mints,
    auditEntry: (logAfter.bytes - logBefore.bytes) / (logAfter.entries - logBefore.entries),
    node: {
      mints: last.mints - first.mints,
      seconds: (performance.now() - began) / 1000,
      heap: { before: first.heap, after: last.heap },
      resident: { before: first.resident, after: last.resident },
      heapPerMillion: slope(looks.map((each) => [each.mints / 1e6, each.heap])),
    },
  }
}

async function auditLog(world: World): Promise<{ bytes: number; entries: number }> {
  const { database } = (await world.stores()).storage
  const [row] = await database.$queryRaw<{ bytes: bigint }[]>`SELECT pg_total_relation_size('audit_entry') AS bytes`
  return { bytes: Number(row?.bytes), entries: await database.auditEntry.count() }
}

/** Least squares. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const spread = points.reduce((sum, [each]) => sum + (each - x) ** 2, 0)
  return points.reduce((sum, [eachX, eachY]) => sum + (eachX - x) * (eachY - y), 0) / spread
}
