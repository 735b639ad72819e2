import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { encodeEvent } from '../../server/audit/pending-event.ts'
import { systemClock } from '../../server/clock.ts'
import { startDrainThread } from '../../server/command/drain-thread.ts'
import { newRecordId } from '../../server/credentials/format.ts'
import { openStorage, type Storage } from '../../server/storage/open.ts'
import { onPostgres } from './postgres.ts'
import { start } from './process.ts'

/** What the thread had said, and what it says. */
function listening() {
  const lines: { level: string; msg: string; err?: { message: string } }[] = []
  const log = pino(
    { formatters: { level: (level) => ({ level }) } },
    { write: (line) => void lines.push(JSON.parse(line)) },
  )
  return { log, lines }
}

describe('the thread that takes token events into the audit log', () => {
  let environment: Record<string, string | undefined>
  let storage: Storage

  beforeAll(async () => {
    environment = await onPostgres()
    // Makes the tenant, and is gone.
    const server = await start(environment)
    server.kill('SIGTERM')
    expect(await server.ended).toBe(0)
    const settings = { databaseUrl: environment.DATABASE_URL, redisUrl: environment.REDIS_URL, dataDir: '' }
    storage = await openStorage(settings, { clock: systemClock, log: pino({ level: 'silent' }) })
  })
  afterAll(() => storage?.close())

  const record = async () => {
    const { id: tenantId } = await storage.database.tenant.findFirstOrThrow()
    const id = newRecordId('evt')
    const origin = { actor: { type: 'api_key', id: 'key_x', name: 'x' } } as const
    const event = { action: 'token.minted', target: { type: 'access_token', id: 'tok_x' } }
    await storage.state.live.recordEvent(encodeEvent({ id, at: new Date(), tenantId, origin, event }))
    return id
  }
  const taken = (id: string) =>
    vi.waitFor(() => storage.database.auditEntry.findUniqueOrThrow({ where: { id } }), { timeout: 30_000 })

  test('takes in what anyone recorded, until it is stopped', async () => {
    const { log, lines } = listening()
    const stop = startDrainThread(environment, log)
    expect(await taken(await record())).toMatchObject({ action: 'token.minted' })
    expect(await taken(await record())).toMatchObject({ action: 'token.minted' })
    await stop()
    const id = await record()
    const { events } = await storage.state.live.pendingEvents(10)
    expect(events.some((event) => event.includes(id))).toBe(true)
    expect(lines).toEqual([])
  })

  test('says so if it can do nothing, is replaced until it can, and ends when it is told to', async () => {
    const { log, lines } = listening()
    const away = new URL(environment.DATABASE_URL as string)
    away.pathname = '/nowhere'
    const stop = startDrainThread({ ...environment, DATABASE_URL: away.href }, log)
    // Twice: so there was another after the first.
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(1), { timeout: 30_000 })
    expect(lines[0]).toMatchObject({ level: 'error', msg: 'the thread that takes in token events failed' })
    expect(JSON.stringify(lines)).not.toContain(environment.KC_MASTER_KEY)
    await stop()
  })
})
