import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../test/services/postgres.ts'
import { startRedis } from '../test/services/redis.ts'
import { freePorts } from '../test/services/server-process.ts'
import type { Against, Options } from './options.ts'
import { type Running, run } from './processes.ts'
import { type SeededApp, seedApps } from './seed/apps.ts'
import { type SeededKey, seedKeys } from './seed/keys.ts'
import { type OidcClient, oidcClients } from './seed/oidc-clients.ts'
import { type Rs256, rs256 } from './seed/rs256.ts'
import { MASTER_KEY, openStores, type Stores } from './seed/stores.ts'
import { type SeededWorkloads, seedWorkloads } from './seed/workloads.ts'

/** Where a server listens, and what it is called there. */
export interface Address {
  readonly port: number
  readonly host: string
}

/** Real stores, and whoever uses them. All that is seeded is made when it is first asked for. */
export interface World {
  readonly dir: string
  readonly ours: Address
  readonly floor: Address
  readonly oidcProvider: Address
  readonly issuer: string
  readonly postgresUrl: string
  readonly redisUrl: string
  readonly signer: Rs256
  start(processes: number, against: readonly Against[]): Promise<Servers>
  startOurs(more?: { redisUrl?: string; nodeArgs?: readonly string[]; processes?: number }): Promise<Running>
  stores(): Promise<Stores>
  keys(): Promise<SeededKey[]>
  apps(): Promise<SeededApp[]>
  workloads(): Promise<SeededWorkloads>
  oidcClients(): readonly OidcClient[]
  close(): Promise<void>
}

export interface Servers {
  readonly ours: Running
  readonly floor: Running
  readonly oidcProvider: Running | undefined
  stop(): Promise<void>
}

type Addresses = [Address, Address, Address, Address]

/** Never what is measured here. */
const NO_LIMIT = '1000000'

export async function openWorld({ clients, nodeArgs }: Options): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'keycourt-bench-'))
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
  const ports = await freePorts(4)
  const [ours, sandbox, floor, oidcProvider] = ports.map((port) => ({ port, host: `localhost:${port}` })) as Addresses
  const issuer = `http://${ours.host}`
  const running = new Set<Running>()
  const signer = rs256()
  const started = async (script: Parameters<typeof run>[0]): Promise<Running> => {
    const one = await run({ nodeArgs, ...script })
    running.add(one)
    return one
  }
  const environment = {
    ...{ DATABASE_URL: postgres.url, KC_DATA_DIR: dir, KC_LIVE_URL: issuer, KC_SANDBOX_URL: `http://${sandbox.host}` },
    KC_MASTER_KEY: MASTER_KEY.toString('base64url'),
    KC_LOG_LEVEL: process.env.KC_LOG_LEVEL ?? 'warn',
    ...{ KC_OUTBOUND_ALLOW: '127.0.0.1', KC_API_RATE_LIMIT: NO_LIMIT },
  }
  const startOurs: World['startOurs'] = ({ redisUrl = redis.url, nodeArgs: more = [], processes = 1 } = {}) =>
    started({
      ...{ path: 'server/command/main.ts', args: ['start'], ready: /Keycourt is running/ },
      ...{ nodeArgs: [...nodeArgs, ...more], probe: `http://127.0.0.1:${ours.port}/readyz` },
      environment: { ...environment, REDIS_URL: redisUrl, KC_WORKERS: String(processes) },
    })
  const clientsFile = join(dir, 'oidc-clients.json')
  const stores = once(() => openStores({ databaseUrl: postgres.url, redisUrl: redis.url, dataDir: dir }))
  const oidc = oidcClients(clients)
  await writeFile(clientsFile, JSON.stringify(oidc.map(({ metadata }) => metadata)))

  const world: World = {
    ...{ dir, ours, floor, oidcProvider, issuer, postgresUrl: postgres.url, redisUrl: redis.url, signer },
    async start(processes, against) {
      const shared = [redis.url, String(processes)]
      const servers = {
        ours: await startOurs({ processes }),
        floor: await started({
          ...{ path: 'bench/servers/floor.ts', args: [String(floor.port), ...shared], ready: /listening/ },
          environment: { FLOOR_RS256: JSON.stringify(signer.publicJwk) },
        }),
        oidcProvider: against.includes('oidc-provider')
          ? await started({
              path: 'bench/servers/oidc-provider.ts',
              args: [String(oidcProvider.port), ...shared, clientsFile],
              ready: /listening/,
            })
          : undefined,
      }
      return {
        ...servers,
        async stop() {
          await Promise.all(Object.values(servers).map((each) => each?.stop()))
        },
      }
    },
    ...{ startOurs, stores },
    keys: once(async () => seedKeys(await stores(), clients)),
    apps: once(async () => seedApps(await stores(), issuer, clients)),
    workloads: once(async () => seedWorkloads(await stores(), issuer, clients)),
    oidcClients: () => oidc,
    async close() {
      await Promise.all([...running].map((each) => each.stop()))
      await (await stores().catch(() => undefined))?.close()
      await Promise.all([postgres.remove(), redis.remove()])
      await rm(dir, { recursive: true, force: true })
    },
  }
  return world
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
