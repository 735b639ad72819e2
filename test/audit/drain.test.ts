import { pino } from 'pino'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createAppend } from '../../server/audit/append.ts'
import { createChain } from '../../server/audit/chain.ts'
import { createChange } from '../../server/audit/change.ts'
import { createDrain, type Drain } from '../../server/audit/drain.ts'
import type { AuditEvent } from '../../server/audit/entry.ts'
import { createRecordEvent, type RecordEvent } from '../../server/audit/record.ts'
import { verifyChain } from '../../server/audit/verify.ts'
import { systemClock } from '../../server/clock.ts'
import { newRecordId } from '../../server/credentials/format.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import type { Storage } from '../../server/storage/open.ts'
import { type StateStore, StoreUnavailable } from '../../server/storage/state-store.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'

const ORIGIN = { actor: { type: 'api_key' as const, id: 'key_1', name: 'é "k"' }, ip: '192.0.2.1', requestId: 'req_1' }
const chain = createChain(deriveMasterKeys([Buffer.alloc(32, 1)]))
const log = pino({ level: 'silent' })

describeDeployments('the drain', (open) => {
  const clock = createTestClock()
  let nodes: readonly [Storage, Storage]
  let drains: readonly [Drain, Drain]
  let records: readonly [RecordEvent, RecordEvent]
  let tenantId: string

  beforeAll(async () => {
    nodes = (await open({ clock })).nodes
    drains = nodes.map((storage) => drainOf(storage)) as [Drain, Drain]
    records = nodes.map(({ state }) => createRecordEvent({ state: state.live, clock, onRecorded() {} })) as never
  })
  beforeEach(async () => {
    tenantId = await newTenant()
  })

  const drainOf = ({ database, state }: Storage, over: Partial<StateStore> = {}) =>
    createDrain({ mode: 'live', clock: systemClock, database, state: { ...state.live, ...over }, chain, log })

  async function newTenant(): Promise<string> {
    const id = newRecordId('ten')
    const createdAt = new Date(clock.now())
    await nodes[0].database.tenant.create({ data: { id, name: id, plan: 'standard', status: 'active', createdAt } })
    return id
  }

  const minted = (id: string | number, details: AuditEvent['details'] = {}): AuditEvent => ({
    ...{ action: 'token.minted', target: { type: 'access_token', id: `tok_${id}` }, details },
  })
  const entriesOf = (id = tenantId) =>
    nodes[0].database.auditEntry.findMany({ where: { tenantId: id }, orderBy: { seq: 'asc' } })
  const targets = async (id = tenantId) => (await entriesOf(id)).map(({ targetId }) => targetId)
  const expectWhole = async (count: number, id = tenantId) =>
    expect(await verifyChain({ database: nodes[1].database, chain }, { tenantId: id, mode: 'live' })).toMatchObject({
      entries: count,
      wrong: undefined,
      unkeyed: 0,
    })
  const expectNothingPending = async () =>
    expect(await nodes[1].state.live.pendingEvents(10)).toEqual({ events: [], handles: [], more: false })
  const names = (count: number) => Array.from({ length: count }, (_, at) => `tok_${at}`)

  test('an event becomes an entry of when and by whom it happened, once', async () => {
    const at = new Date(clock.now())
    await records[0](tenantId, ORIGIN, minted('x', { scope: 'a:b', list: [1, null, 'é'] }))
    clock.advance(5_000)
    expect(await entriesOf()).toEqual([])
    await drains[1].all()
    await drains[0].all()
    expect(await entriesOf()).toMatchObject([
      {
        ...{
          id: expect.stringMatching(/^evt_[a-z2-7]{16}$/),
          tenantId,
          mode: 'live',
          seq: 1,
          at,
          action: 'token.minted',
        },
        ...{
          actorType: 'api_key',
          actorId: 'key_1',
          actorName: 'é "k"',
          targetType: 'access_token',
          targetId: 'tok_x',
        },
        ...{ ip: '192.0.2.1', requestId: 'req_1' },
        details: { sandbox: false, scope: 'a:b', list: [1, null, 'é'] },
      },
    ])
    await expectWhole(1)
    await expectNothingPending()
  })

  test('1,200 events of three tenants, drained by both nodes at once while changes are made: each once, in order', async () => {
    const tenants = [tenantId, await newTenant(), await newTenant()]
    const { database, state } = nodes[1]
    const change = createChange({ database, state: nodes[1].state, clock, append: createAppend(chain) })
    for (let at = 0; at < 400; at++) {
      await Promise.all(tenants.map((id) => records[0](id, ORIGIN, minted(at))))
    }
    expect((await state.live.pendingEvents(1)).events.length).toBeGreaterThan(0)
    const changes = tenants.map((id) =>
      change({ tenantId: id, mode: 'live' }, ORIGIN, async () => ({
        result: 0,
        events: [{ ...minted('c'), action: 'x.y' }],
      })),
    )
    await Promise.all([drains[0].all(), drains[1].all(), drains[0].some(), drains[1].some(), ...changes])
    await drains[0].all()
    for (const id of tenants) {
      expect((await targets(id)).filter((target) => target !== 'tok_c')).toEqual(names(400))
      await expectWhole(401, id)
    }
    await expectNothingPending()
  }, 60_000)

  test('a node that dies between the commit and the removal: nothing is there twice, and nothing is lost [attack 80]', async () => {
    for (const at of [0, 1, 2]) await records[0](tenantId, ORIGIN, minted(at))
    const dying = drainOf(nodes[0], {
      async removeEvents() {
        throw new StoreUnavailable('redis', new Error('killed'))
      },
    })
    await expect(dying.all()).rejects.toBeInstanceOf(StoreUnavailable)
    await records[1](tenantId, ORIGIN, minted(3))
    await drains[1].all()
    expect(await targets()).toEqual(names(4))
    await expectWhole(4)
    await expectNothingPending()
  })

  test('a node that dies before the commit: another takes them in', async () => {
    await records[0](tenantId, ORIGIN, minted(0))
    const { database } = nodes[0]
    const failing = createDrain({
      clock: systemClock,
      ...{ mode: 'live', state: nodes[0].state.live, log, database },
      chain: {
        ...chain,
        link() {
          throw new Error('killed')
        },
      },
    })
    await expect(failing.all()).rejects.toThrow('killed')
    expect(await entriesOf()).toEqual([])
    await drains[1].all()
    expect(await targets()).toEqual(names(1))
  })

  test('in the background a node looks when it recorded something, and goes on after a failure', async () => {
    let asked = 0
    let away = true
    const drain = drainOf(nodes[0], {
      async pendingEvents(most) {
        asked += 1
        if (away) throw new StoreUnavailable('redis', new Error('away'))
        return nodes[0].state.live.pendingEvents(most)
      },
    })
    await expect(drain.some()).rejects.toBeInstanceOf(StoreUnavailable)
    away = false
    await drain.some()
    expect(asked).toBe(2)
    await drain.some() // one that nobody asked for: others may have died
    for (let run = 0; run < 10; run++) await drain.some()
    expect(asked).toBe(3)
    await records[0](tenantId, ORIGIN, minted(0))
    drain.noted()
    await drain.some()
    expect(await targets()).toEqual(names(1))
  })

  describe('what is odd in the hot store', () => {
    test('garbage, and events of a tenant that is none, are removed and hold up nothing', async () => {
      const { live } = nodes[0].state
      const at = clock.now()
      const forged = [
        ...['', '{', 'null', '[]', '{}', '[1,2]', '"x"'],
        JSON.stringify(['evt_1', 'now', tenantId, 'a', 'b', 'c', 'd', 'e', 'f', null, null, {}]),
        JSON.stringify(['evt_2', 1e300, tenantId, 'a', 'b', 'c', 'd', 'e', 'f', null, null, {}]),
        JSON.stringify(['evt_3', at, tenantId, 'a', 'b', 'c', 'd', 'e', 'f', null, null, []]),
        JSON.stringify(['evt_4', at, tenantId, 'a\u0000', 'b', 'c', 'd', 'e', 'f', null, null, {}]),
        JSON.stringify(['evt_5', at, tenantId, 'a', 'b', 'c', 'd', 'e', 'f', null, null, { x: '\ud800' }]),
        JSON.stringify(['evt_6', at, 'ten_nobody', 'a', 'b', 'c', 'd', 'e', 'f', null, null, {}]),
      ]
      for (const event of forged) await live.recordEvent(event)
      await records[0](tenantId, ORIGIN, minted(0))
      await drains[0].all()
      expect(await targets()).toEqual(names(1))
      await expectNothingPending()
    })

    test('nobody stays out of the log by what they are called [attack 76, 80]', async () => {
      const names = [
        '\u0000',
        'a\ud800b',
        '\\u0000',
        '\\\\u0000',
        '\\ud800',
        "'); DROP TABLE",
        '"}]',
        '\u2028',
        '😀',
        '%s$1?',
      ]
      for (const name of names) {
        await records[0](tenantId, { actor: { ...ORIGIN.actor, name } }, minted(0, { name, [name]: [name] }))
      }
      await drains[0].all()
      const rows = await entriesOf()
      expect(rows.map(({ actorName }) => actorName)).toEqual(['\ufffd', 'a\ufffdb', ...names.slice(2)])
      await expectWhole(names.length)
    })

    test('the same event twice is one entry', async () => {
      const { live } = nodes[0].state
      await records[0](tenantId, ORIGIN, minted(0))
      const [event] = (await live.pendingEvents(1)).events as [string]
      await live.recordEvent(event)
      await drains[0].all()
      await live.recordEvent(event)
      await drains[1].all()
      expect(await targets()).toEqual(names(1))
    })
  })
})
