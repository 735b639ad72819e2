import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createAppend } from '../../server/audit/append.ts'
import { createChain } from '../../server/audit/chain.ts'
import { type Change, createChange } from '../../server/audit/change.ts'
import { createRetention, type Retention } from '../../server/audit/retention.ts'
import { type Demands, verifyChain } from '../../server/audit/verify.ts'
import { newRecordId } from '../../server/credentials/format.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import type { Storage } from '../../server/storage/open.ts'
import type { TenantScope } from '../../server/tenancy/scoped-database.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { forgeUnkeyed } from './forge.ts'

const DAY = 24 * 3600_000
const ORIGIN = { actor: { type: 'operator' as const, id: 'test', name: 'a test' } }
const [OLD, NEW] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
const chain = createChain(deriveMasterKeys([NEW, OLD]))

describeDeployments('the audit chain', (open) => {
  const clock = createTestClock()
  let storage: Storage
  let change: Change
  let retention: Retention
  let scope: TenantScope

  beforeAll(async () => {
    storage = (await open({ clock })).nodes[0]
    change = changeUnder([NEW, OLD])
    retention = createRetention({ database: storage.database, append: createAppend(chain), clock })
  })
  beforeEach(async () => {
    scope = { tenantId: newRecordId('ten'), mode: 'test' }
    const id = scope.tenantId
    const createdAt = new Date(clock.now())
    await storage.database.tenant.create({ data: { id, name: id, plan: 'standard', status: 'active', createdAt } })
  })

  const changeUnder = (keys: Buffer[]) => {
    const append = createAppend(createChain(deriveMasterKeys(keys)))
    return createChange({ database: storage.database, state: storage.state, clock, append })
  }
  async function add(count: number, by = change) {
    for (let at = 0; at < count; at++) {
      const event = {
        action: 'thing.done',
        target: { type: 'thing', id: `${at}` },
        details: { at, b: [at], a: { y: 1, x: 2 } },
      }
      await by(scope, ORIGIN, async () => ({ result: 0, events: [event] }))
    }
  }
  const verify = (demands?: Demands, under = chain) =>
    verifyChain({ database: storage.database, chain: under }, scope, demands)
  const entries = () => storage.database.auditEntry.findMany({ where: scope, orderBy: { seq: 'asc' } })
  const head = () => storage.database.auditHead.findFirstOrThrow({ where: scope })

  test('as it was written it holds; one without entries too', async () => {
    expect(await verify()).toEqual({
      entries: 0,
      unkeyed: 0,
      removed: 0,
      first: undefined,
      last: undefined,
      wrong: undefined,
    })
    await add(5)
    const { seq, hash } = await head()
    expect(await verify()).toMatchObject({
      entries: 5,
      unkeyed: 0,
      first: { seq: 1 },
      last: { seq, hash },
      wrong: undefined,
    })
  })

  test('entries of an old master key hold as long as it is known, and say so afterwards', async () => {
    await add(2, changeUnder([OLD, NEW]))
    await add(1)
    expect((await verify()).wrong).toBeUndefined()
    const { wrong } = await verify({}, createChain(deriveMasterKeys([NEW])))
    expect(wrong).toEqual({ seq: 1, why: expect.stringContaining('which KC_MASTER_KEY does not have') })
  })

  describe('what somebody does who can write to the database', () => {
    const at = (seq: number) => ({ where: { tenantId_mode_seq: { ...scope, seq } } })

    test('altering any one entry [attack 80]', async () => {
      await add(4)
      const { database } = storage
      for (const [seq, data] of [
        [1, { actorName: 'somebody else' }],
        [2, { details: { sandbox: true, at: 1, b: [2], a: { y: 1, x: 2 } } }],
        [3, { at: new Date(0) }],
        [4, { ip: '192.0.2.1' }],
        [4, { hash: '0'.repeat(64) }],
        [2, { previous: '0'.repeat(64) }],
        [2, { hashKey: '' }],
      ] as const) {
        const before = await database.auditEntry.findUniqueOrThrow(at(seq))
        await database.auditEntry.update({ ...at(seq), data })
        expect((await verify()).wrong?.seq, JSON.stringify(data)).toBe(seq)
        await database.auditEntry.update({ ...at(seq), data: before as never })
        expect((await verify()).wrong).toBeUndefined()
      }
    })

    test('removing the first, one in the middle, the last [attack 80]', async () => {
      await add(4)
      const { database } = storage
      for (const seq of [1, 3, 4]) {
        const before = await database.auditEntry.findUniqueOrThrow(at(seq))
        await database.auditEntry.delete(at(seq))
        expect((await verify()).wrong, `${seq}`).toEqual({ seq, why: expect.stringContaining('missing') })
        await database.auditEntry.create({ data: before as never })
      }
    })

    test('exchanging two, or adding one behind the head', async () => {
      await add(4)
      const { database } = storage
      for (const [from, to] of [
        [2, 100],
        [3, 2],
        [100, 3],
      ] as const)
        await database.auditEntry.update({ ...at(from), data: { seq: to } })
      expect((await verify()).wrong?.seq).toBe(2)
      for (const [from, to] of [
        [2, 100],
        [3, 2],
        [100, 3],
      ] as const)
        await database.auditEntry.update({ ...at(from), data: { seq: to } })
      const copy = { ...(await database.auditEntry.findUniqueOrThrow(at(4))), id: newRecordId('evt'), seq: 5 }
      await database.auditEntry.create({ data: copy as never })
      expect((await verify()).wrong).toEqual({ seq: 5, why: 'there are entries beyond the head of the chain' })
    })

    test('cutting the newest off with the head: only a point that was noted tells', async () => {
      await add(4)
      const { database } = storage
      const noted = (await verify()).last
      expect((await verify({ expected: noted })).wrong).toBeUndefined()
      await add(1)
      expect((await verify({ expected: noted })).wrong).toBeUndefined()
      const third = await database.auditEntry.findUniqueOrThrow(at(3))
      await database.auditEntry.deleteMany({ where: { ...scope, seq: { gt: 3 } } })
      expect((await verify()).wrong?.seq).toBe(4)
      await database.auditHead.updateMany({ where: scope, data: { seq: 3, hash: third.hash } })
      expect((await verify()).wrong).toBeUndefined()
      expect((await verify({ expected: noted })).wrong).toEqual({ seq: 4, why: expect.stringContaining('cut off') })
      await add(1) // another fourth
      expect((await verify({ expected: noted })).wrong).toEqual({ seq: 4, why: expect.stringContaining('noted') })
    })

    test('hashing it all anew without the key', async () => {
      await add(3)
      await forgeUnkeyed(storage.database, scope, 1)
      expect((await verify()).wrong).toEqual({ seq: 1, why: expect.stringContaining('has no key') })
      // As of a server from before there were keys: it is for the operator to say that there was one.
      expect(await verify({ allowUnkeyed: true })).toMatchObject({ unkeyed: 3, wrong: undefined })
      await add(2)
      expect(await verify({ allowUnkeyed: true })).toMatchObject({ entries: 5, unkeyed: 3, wrong: undefined })
      await forgeUnkeyed(storage.database, scope, 5)
      expect((await verify({ allowUnkeyed: true })).wrong?.seq).toBe(5)
    })

    test('removing the beginning as retention would', async () => {
      await add(4)
      const { database } = storage
      const second = await database.auditEntry.findUniqueOrThrow(at(2))
      await database.auditEntry.deleteMany({ where: { ...scope, seq: { lte: 2 } } })
      await database.auditHead.updateMany({ where: scope, data: { removedSeq: 2, removedHash: second.hash } })
      expect((await verify()).wrong).toEqual({ seq: 2, why: expect.stringContaining('retention has not removed them') })
    })

    test('removing all of it, head or not', async () => {
      await add(2)
      const { database } = storage
      const { hash } = await head()
      await database.auditEntry.deleteMany({ where: scope })
      expect((await verify()).wrong?.seq).toBe(1)
      await database.auditHead.deleteMany({ where: scope })
      expect((await verify({ expected: { seq: 2, hash } })).wrong?.seq).toBe(1)
    })
  })

  describe('retention', () => {
    test('removes what is older than the tenant keeps, and says so; the rest still holds', async () => {
      await add(3)
      clock.advance(2 * DAY)
      await add(2)
      const { tenantId } = scope
      await storage.database.tenantSettings.create({ data: { ...scope, auditRetentionDays: 3 } })
      await retention.trim()
      expect(await entries()).toHaveLength(5)
      clock.advance(1 * DAY + 1)
      const { hash } = (await entries())[2] as { hash: string }
      await retention.trim()
      const left = await entries()
      expect(left.map(({ seq, action }) => [seq, action])).toEqual([
        ...[4, 5].map((seq) => [seq, 'thing.done']),
        [6, 'audit_log.trimmed'],
      ])
      expect(left[2]).toMatchObject({
        ...{ actorType: 'system', targetType: 'tenant', targetId: tenantId },
        // seed: knoxcall-oauth-and-api-keys: background jobs always emit sandbox: false
        details: { sandbox: false, entries: 3, seq: 3, hash },
      })
      expect(await verify()).toMatchObject({ entries: 3, removed: 3, wrong: undefined })
      await add(1)
      expect((await verify()).wrong).toBeUndefined()
      expect((await verify({ expected: { seq: 3, hash } })).wrong).toBeUndefined()
    })

    test('stops at the first that is to stay, though one behind it is older', async () => {
      await add(2)
      clock.advance(400 * DAY)
      await add(1)
      clock.advance(-400 * DAY)
      await add(1) // an event that was taken in late
      clock.advance(400 * DAY)
      await retention.trim()
      expect((await entries()).map(({ seq }) => seq)).toEqual([3, 4, 5])
      expect((await verify()).wrong).toBeUndefined()
    })

    test('of several nodes at once each entry is removed once; at rest nothing is written', async () => {
      await add(3)
      clock.advance(366 * DAY)
      await Promise.all([retention.trim(), retention.trim(), retention.trim()])
      expect((await entries()).map(({ action }) => action)).toEqual(['audit_log.trimmed'])
      for (let year = 0; year < 3; year++) {
        clock.advance(366 * DAY)
        await retention.trim()
      }
      expect((await entries()).map(({ seq }) => seq)).toEqual([4])
      await add(1)
      clock.advance(366 * DAY)
      await retention.trim()
      expect((await entries()).map(({ action }) => action)).toEqual(['audit_log.trimmed'])
      expect(await verify()).toMatchObject({ entries: 1, removed: 5, wrong: undefined })
    })
  })
})
