import { setTimeout as after } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { TestServer } from '../services/postgres.ts'
import { SENTINEL_MASTER, startSentinel } from '../services/redis.ts'
import { createTestDatabase } from '../services/spaces.ts'
import { type Fault, FULL, type Row } from './fault.ts'
import type { Load } from './load.ts'
import { startPlace } from './place.ts'
import { underLoad } from './under-load.ts'

interface FailOver {
  readonly name: string
  readonly isQuick: boolean
  /** So that Sentinel promotes the other one. */
  begin(master: TestServer, load: Pick<Load, 'more'>): Promise<void> | void
  /** For the next one. Nothing waits for it. */
  mend(master: TestServer): Promise<void> | void
}

const FAIL_OVERS: readonly FailOver[] = [
  { name: 'the master is killed', isQuick: true, begin: (master) => master.stop(), mend: (master) => master.start() },
  {
    name: 'the master stalls (SIGSTOP), and comes back when it is none any more',
    isQuick: false,
    begin: (master) => master.suspend(),
    mend: (master) => master.resume(),
  },
  {
    name: 'the master is killed when its replica had not heard of it for a while',
    isQuick: false,
    async begin(master, load) {
      const admin = new Redis(master.url)
      await admin.call('ACL', 'SETUSER', 'default', '-psync', '-sync')
      await admin.call('CLIENT', 'KILL', 'TYPE', 'replica')
      await load.more(200)
      admin.disconnect()
      await master.stop()
    },
    mend: (master) => master.start(),
  },
]

/** Redis with a replica that Sentinel promotes. Nobody but Sentinel does anything about it. */
export const sentinelFailOver: Fault = {
  name: 'sentinel fail-over',
  deployment: 'cluster with Sentinel',
  async run(scale = FULL) {
    const redis = await startSentinel()
    const place = await startPlace({ DATABASE_URL: await createTestDatabase(), REDIS_URL: redis.url })
    const rows: Row[] = []
    try {
      for (const { name, begin, mend } of FAIL_OVERS.filter(({ isQuick }) => isQuick || !scale.quick)) {
        const master = await masterOf(redis.nodes)
        const act = async (load: Pick<Load, 'more'>) => {
          await begin(master, load)
          await load.more(Math.min(scale.requests, MOST))
        }
        rows.push(...(await underLoad(place, scale, { name, asynchronous: true, act })))
        await mend(master)
      }
    } finally {
      await place.end()
      await redis.remove()
    }
    return rows
  },
}

const MOST = 200

/** The one of them that Sentinel names, once it has a replica that is up to date. */
async function masterOf(nodes: readonly TestServer[]): Promise<TestServer> {
  const sentinel = new Redis(nodes.at(-1)?.url as string)
  try {
    for (let tries = 0; tries < 600; tries++) {
      const [, port] = (await sentinel.call('SENTINEL', 'get-master-addr-by-name', SENTINEL_MASTER)) as string[]
      const master = nodes.find(({ url }) => new URL(url).port === port) as TestServer
      const admin = new Redis(master.url)
      const replication = await admin.info('replication').finally(() => admin.disconnect())
      // Sentinel promotes none that it knows from long ago only.
      const replicas = (await sentinel.call('SENTINEL', 'replicas', SENTINEL_MASTER)) as string[][]
      const known = replicas.some((fields) => !/s_down|disconnected/.test(fields[fields.indexOf('flags') + 1] ?? ''))
      if (/role:master/.test(replication) && /state=online/.test(replication) && known) return master
      await after(100)
    }
    throw new Error('no master with a replica that is up to date')
  } finally {
    sentinel.disconnect()
  }
}
