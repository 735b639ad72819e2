import { pino } from 'pino'
import { afterAll, beforeAll, describe } from 'vitest'
import type { Clock } from '../server/clock.ts'
import type { Settings } from '../server/settings.ts'
import { openStorage, type Storage } from '../server/storage/open.ts'
import { createTestClock } from './clock.ts'
import { type RedisSet, startRedisCluster, startSentinel } from './services/redis.ts'
import { createTestDatabase, createTestDataDir, createTestRedis, type TestDirectory } from './services/spaces.ts'

export type StorageSettings = Pick<Settings, 'databaseUrl' | 'redisUrl' | 'dataDir'>

/** Storage of one's own, migrated and empty. */
export interface TestStorage {
  readonly settings: StorageSettings
  /** Two nodes of one deployment, with connections of their own. Embedded has one node: there they are the same. */
  readonly nodes: readonly [Storage, Storage]
}

/** Everything opened is closed after the suite. */
export type OpenStorage = (needs?: { clock?: Clock }) => Promise<TestStorage>

interface Place {
  readonly name: string
  /** Starts what is not shared by all test files; the URL of Redis, if this deployment has one. */
  start?(): Promise<RedisSet>
  readonly database: 'embedded' | 'postgres'
  readonly redis: 'none' | 'shared' | 'own'
}

const DEPLOYMENTS: readonly Place[] = [
  { name: 'embedded', database: 'embedded', redis: 'none' },
  { name: 'database', database: 'postgres', redis: 'none' },
  { name: 'cluster', database: 'postgres', redis: 'shared' },
]

const OTHER_REDIS: readonly Place[] = [
  { name: 'cluster with Sentinel', database: 'postgres', redis: 'own', start: startSentinel },
  { name: 'cluster with Redis Cluster', database: 'postgres', redis: 'own', start: startRedisCluster },
]

/** Runs `suite` on each of the three deployments, against the real servers. */
export const describeDeployments = (name: string, suite: (open: OpenStorage, deployment: string) => void): void =>
  describeAt(DEPLOYMENTS, name, suite)

/** On one of them, where storage makes no difference. */
export const describeDeployment = (
  only: 'embedded' | 'database' | 'cluster',
  name: string,
  suite: (open: OpenStorage, deployment: string) => void,
): void =>
  describeAt(
    DEPLOYMENTS.filter((place) => place.name === only),
    name,
    suite,
  )

/** The same on Sentinel and on a three-master Redis Cluster as well. */
export const describeStateStores = (name: string, suite: (open: OpenStorage, deployment: string) => void): void =>
  describeAt([...DEPLOYMENTS, ...OTHER_REDIS], name, suite)

function describeAt(places: readonly Place[], name: string, suite: (open: OpenStorage, deployment: string) => void) {
  describe.each(places)(`${name} ($name)`, (place) => {
    let own: RedisSet | undefined
    const opened: Storage[] = []
    const directories: TestDirectory[] = []

    beforeAll(async () => {
      own = await place.start?.()
    })
    afterAll(async () => {
      await Promise.all(opened.map((storage) => storage.close()))
      await Promise.all(directories.map((directory) => directory.remove()))
      await own?.remove()
    })

    const open: OpenStorage = async ({ clock = createTestClock() } = {}) => {
      const directory = await createTestDataDir({ empty: place.database === 'postgres' })
      directories.push(directory)
      const settings: StorageSettings = {
        databaseUrl: place.database === 'postgres' ? await createTestDatabase() : undefined,
        redisUrl: place.redis === 'shared' ? await createTestRedis() : own?.url,
        dataDir: directory.path,
      }
      const node = async () => {
        const storage = await openStorage(settings, { clock, log: pino({ level: 'silent' }) })
        opened.push(storage)
        return storage
      }
      const first = await node()
      await first.migrate()
      return { settings, nodes: [first, settings.databaseUrl ? await node() : first] }
    }
    suite(open, place.name)
  })
}
