import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { openEmbeddedDatabase } from '../../server/storage/embedded.ts'
import { ensureBinaries, ensureChromium } from './binaries.ts'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string
    redisUrl: string
    /** A data directory with an embedded database that was just made: copying it saves seconds per test. */
    embeddedTemplate: string
  }
}

/** Starts once what all test files share. Sentinel and Cluster are started by the few that want them. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  ensureBinaries()
  ensureChromium()
  const [postgres, redis, embedded] = await Promise.all([startPostgres(), startRedis(), makeEmbedded()])
  provide('postgresUrl', postgres.url)
  provide('redisUrl', redis.url)
  provide('embeddedTemplate', embedded)
  return async () => {
    await Promise.all([postgres.remove(), redis.remove(), rm(embedded, { recursive: true })])
  }
}

async function makeEmbedded(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'keycourt-made-'))
  const template = await mkdtemp(join(tmpdir(), 'keycourt-template-'))
  const { pglite, release } = await openEmbeddedDatabase(made)
  await pglite.close()
  await release()
  await cp(join(made, 'pgdata'), join(template, 'pgdata'), { recursive: true })
  await rm(made, { recursive: true })
  return template
}
