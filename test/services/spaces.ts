import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { inject } from 'vitest'

/** An empty database of one's own on `server` (default: the shared PostgreSQL); its URL. */
export async function createTestDatabase(server = inject('postgresUrl')): Promise<string> {
  const name = `kc_${randomBytes(6).toString('hex')}`
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(`CREATE DATABASE ${name}`)
  } finally {
    await client.end()
  }
  return Object.assign(new URL(server), { pathname: `/${name}` }).href
}

/** An empty logical database of one's own on the shared Redis; its URL. Database 0 counts those given out. */
export async function createTestRedis(server = inject('redisUrl')): Promise<string> {
  const redis = new Redis(server)
  try {
    return `${server}/${await redis.incr('spaces')}`
  } finally {
    redis.disconnect()
  }
}

export interface TestDirectory {
  readonly path: string
  remove(): Promise<void>
}

/** A data directory of one's own, with an embedded database in it unless `empty`. */
export async function createTestDataDir({ empty = false } = {}): Promise<TestDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'keycourt-data-'))
  if (!empty) await cp(join(inject('embeddedTemplate'), 'pgdata'), join(path, 'pgdata'), { recursive: true })
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
