import { freePorts } from '../services/server-process.ts'
import { createTestDatabase, createTestRedis } from '../services/spaces.ts'

export const MASTER_KEY = Buffer.alloc(32, 7).toString('base64url')

/** Settings of a server on a PostgreSQL database of its own, listening on free ports. */
export async function onPostgres() {
  const [live, sandbox] = (await freePorts(2)) as [number, number]
  return {
    KC_LIVE_URL: `http://localhost:${live}`,
    KC_SANDBOX_URL: `http://localhost:${sandbox}`,
    KC_MASTER_KEY: MASTER_KEY,
    DATABASE_URL: await createTestDatabase(),
  }
}

/** The same with Redis. */
export const onCluster = async () => ({ ...(await onPostgres()), REDIS_URL: await createTestRedis() })

export const portOf = (url: string): number => Number(new URL(url).port)
