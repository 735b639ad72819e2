import { beforeAll, expect, test } from 'vitest'
import { createChain } from '../../server/audit/chain.ts'
import { createDrain } from '../../server/audit/drain.ts'
import { createRecordEvent } from '../../server/audit/record.ts'
import { systemClock } from '../../server/clock.ts'
import { newRecordId } from '../../server/credentials/format.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { linesOf } from '../../server/management/audit-logs/lines.ts'
import type { Storage } from '../../server/storage/open.ts'
import { createLog } from '../../server/telemetry/log.ts'
import { type ScopedDatabase, scopeDatabase } from '../../server/tenancy/scoped-database.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployment } from '../deployments.ts'

const ENTRIES = 1_300

describeDeployment('database', 'the audit log as a stream', (open) => {
  const clock = createTestClock()
  let storage: Storage
  let scoped: ScopedDatabase
  let pages: number[] = []

  beforeAll(async () => {
    storage = (await open({ clock })).nodes[0]
    const { database, state } = storage
    const chain = createChain(deriveMasterKeys([Buffer.alloc(32, 1)]))
    const id = newRecordId('ten')
    await database.tenant.create({ data: { id, name: id, plan: 'standard', status: 'active', createdAt: new Date() } })
    const record = createRecordEvent({ state: state.live, clock, onRecorded() {} })
    const origin = { actor: { type: 'app' as const, id: 'app_1', name: 'a' } }
    const event = (at: number) => ({ action: 'token.minted', target: { type: 'access_token', id: `${at}` } })
    await Promise.all(Array.from({ length: ENTRIES }, (_, at) => record(id, origin, event(at + 1))))
    const log = createLog({ level: 'silent' })
    await createDrain({ mode: 'live', clock: systemClock, database, state: state.live, chain, log }).all()
    const whole = scopeDatabase(database, { tenantId: id, mode: 'live' })
    scoped = whole.$extends({
      query: {
        auditEntry: {
          async findMany({ args, query }) {
            const rows = await query(args)
            pages.push(rows.length)
            return rows
          },
        },
      },
    }) as never
  })

  test('goes through all in pages, and reads the next when it is asked for', async () => {
    pages = []
    const lines = linesOf(scoped, {}, undefined)
    expect(pages).toEqual([])
    const first = await lines.next()
    expect(JSON.parse(first.value as string).target.id).toBe(`${ENTRIES}`)
    expect(pages).toEqual([500])
    const rest: string[] = []
    for await (const line of lines) rest.push(line)
    expect(rest.map((line) => JSON.parse(line).target.id)).toEqual(
      Array.from({ length: ENTRIES - 1 }, (_, at) => `${ENTRIES - 1 - at}`),
    )
    expect(pages).toEqual([500, 500, 300])
  })

  test('whoever goes away ends it', async () => {
    pages = []
    for await (const _ of linesOf(scoped, {}, undefined)) break
    expect(pages).toEqual([500])
  })

  test('begins where it is told to, and has nothing newer', async () => {
    const lines = linesOf(scoped, {}, 3)
    const all: string[] = []
    for await (const line of lines) all.push(JSON.parse(line).target.id)
    expect(all).toEqual(['2', '1'])
  })
})
