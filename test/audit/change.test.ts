import { beforeAll, describe, expect, test } from 'vitest'
import { createAppend } from '../../server/audit/append.ts'
import { CHAIN_START, createChain } from '../../server/audit/chain.ts'
import { type Change, createChange } from '../../server/audit/change.ts'
import type { AuditEvent } from '../../server/audit/entry.ts'
import { newClientRef, newRecordId } from '../../server/credentials/format.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import type { Mode } from '../../server/mode/mode.ts'
import type { Storage } from '../../server/storage/open.ts'
import { type StateStore, StoreUnavailable } from '../../server/storage/state-store.ts'
import type { TenantScope } from '../../server/tenancy/scoped-database.ts'
import { createTestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'

const chain = createChain(deriveMasterKeys([Buffer.alloc(32, 1)]))
const append = createAppend(chain)
const hashOf = (...given: Parameters<typeof chain.link>) => chain.link(...given).hash

type EntryRow = Awaited<ReturnType<Storage['database']['auditEntry']['findFirstOrThrow']>>

const ORIGIN = { actor: { type: 'operator' as const, id: 'test', name: 'a test' }, ip: '192.0.2.1', requestId: 'req_1' }

describeDeployments('a change', (open) => {
  const clock = createTestClock()
  let nodes: readonly [Storage, Storage]
  let changes: readonly [Change, Change]

  beforeAll(async () => {
    nodes = (await open({ clock })).nodes
    changes = nodes.map(({ database, state }) => createChange({ database, state, clock, append })) as [Change, Change]
  })

  /** A tenant with one standing, in live mode. */
  async function newTenant(): Promise<{ scope: TenantScope; ref: string }> {
    const id = newRecordId('ten')
    const ref = newClientRef()
    const { database } = nodes[0]
    await database.tenant.create({
      data: { id, name: id, plan: 'standard', status: 'active', createdAt: new Date(clock.now()) },
    })
    const scope = { tenantId: id, mode: 'live' as const }
    await database.standing.create({ data: { ...scope, ref, kind: 'tenant' } })
    return { scope, ref }
  }

  const event = (id: string, details: AuditEvent['details'] = {}) => ({
    action: 'thing.done',
    target: { type: 'thing', id },
    details,
  })
  const entriesOf = (where: { tenantId: string; mode?: string }) =>
    nodes[0].database.auditEntry.findMany({ where, orderBy: { seq: 'asc' } })
  const headOf = ({ tenantId, mode }: TenantScope) =>
    nodes[0].database.auditHead.findUnique({ where: { tenantId_mode: { tenantId, mode } } })

  /** What `keycourt audit verify` has to do: true if nothing was removed or altered. */
  function isWhole(rows: EntryRow[], head: { seq: number; hash: string } | null): boolean {
    let previous = CHAIN_START
    for (const [at, row] of rows.entries()) {
      if (row.seq !== at + 1 || row.previous !== previous) return false
      if (row.hash === null || chain.check(previous, row, row) !== 'right') return false
      previous = row.hash
    }
    return head?.seq === rows.length && head.hash === previous
  }

  const resource = (id: string) => ({ id, identifier: `https://${id}`, name: id, createdAt: new Date(clock.now()) })

  test('its rows, its entries and the standings commit together', async () => {
    const { scope, ref } = await newTenant()
    const id = newRecordId('res')
    const result = await changes[0](scope, ORIGIN, async (transaction) => {
      await transaction.resource.create({ data: { ...scope, ...resource(id) } })
      return { result: 'done', events: [event(id, { b: 1, a: ['x'] })], moved: [{ ref, kill: true }] }
    })
    expect(result).toBe('done')
    const [entry] = await entriesOf(scope)
    expect(entry).toMatchObject({
      ...{ ...scope, seq: 1, at: new Date(clock.now()), action: 'thing.done', ip: '192.0.2.1', requestId: 'req_1' },
      ...{ actorType: 'operator', actorId: 'test', actorName: 'a test', targetType: 'thing', targetId: id },
      ...{ details: { sandbox: false, b: 1, a: ['x'] }, previous: CHAIN_START },
    })
    for (const { state } of nodes) expect(await state.live.standings([ref])).toEqual([{ ref, version: 2, epoch: 2 }])
    expect(await nodes[1].database.resource.count({ where: { id } })).toBe(1)
  })

  test('events may not say that they were not of the sandbox', async () => {
    const { tenantId } = (await newTenant()).scope
    await changes[0]({ tenantId, mode: 'test' }, ORIGIN, async () => ({ result: 0, events: [event('x')] }))
    expect((await entriesOf({ tenantId }))[0]).toMatchObject({ mode: 'test', details: { sandbox: true } })
  })

  describe('that fails leaves nothing: no row, no entry, no standing', () => {
    const unchanged = async (scope: TenantScope, ref: string, id: string) => {
      expect(await entriesOf(scope)).toEqual([])
      expect(await headOf(scope)).toBeNull()
      expect(await nodes[0].database.resource.count({ where: { id } })).toBe(0)
      expect(await nodes[1].database.standing.findUnique({ where: { ref } })).toMatchObject({ version: 1, epoch: 1 })
      const [standing] = await nodes[1].state.live.standings([ref])
      expect([undefined, 1]).toContain(standing?.version)
    }

    test('an error of its work', async () => {
      const { scope, ref } = await newTenant()
      const id = newRecordId('res')
      const failing = changes[0](scope, ORIGIN, async (transaction) => {
        await transaction.resource.create({ data: { ...scope, ...resource(id) } })
        throw new Error('second thoughts')
      })
      await expect(failing).rejects.toThrow('second thoughts')
      await unchanged(scope, ref, id)
    })

    test('a standing that is not there, or not its own', async () => {
      const { scope, ref } = await newTenant()
      const other = await newTenant()
      for (const wrong of [newClientRef(), other.ref]) {
        const id = newRecordId('res')
        const failing = changes[0](scope, ORIGIN, async (transaction) => {
          await transaction.resource.create({ data: { ...scope, ...resource(id) } })
          return { result: 0, events: [event(id)], moved: [{ ref: wrong, kill: true }] }
        })
        await expect(failing).rejects.toThrow()
        await unchanged(scope, ref, id)
      }
      await unchanged(other.scope, other.ref, '')
    })

    test('a hot store that is away before the commit', async () => {
      const { scope, ref } = await newTenant()
      const id = newRecordId('res')
      const away = async () => {
        throw new StoreUnavailable('redis', new Error('away'))
      }
      const state: Record<Mode, StateStore> = {
        ...nodes[0].state,
        live: { ...nodes[0].state.live, forgetStandings: away },
      }
      const change = createChange({ database: nodes[0].database, state, clock, append })
      const failing = change(scope, ORIGIN, async (transaction) => {
        await transaction.resource.create({ data: { ...scope, ...resource(id) } })
        return { result: 0, events: [event(id)], moved: [{ ref, kill: true }] }
      })
      await expect(failing).rejects.toBeInstanceOf(StoreUnavailable)
      await unchanged(scope, ref, id)
    })
  })

  test('a hot store that goes away after the commit: the caller is not told that it is done, and no old copy stays', async () => {
    const { scope, ref } = await newTenant()
    const { live } = nodes[0].state
    await live.raiseStandings([{ ref, version: 1, epoch: 1 }])
    const away = async () => {
      throw new StoreUnavailable('redis', new Error('away'))
    }
    const state = { ...nodes[0].state, live: { ...live, raiseStandings: away } }
    const change = createChange({ database: nodes[0].database, state, clock, append })
    const failing = change(scope, ORIGIN, async () => ({ result: 0, events: [], moved: [{ ref, kill: true }] }))
    await expect(failing).rejects.toBeInstanceOf(StoreUnavailable)
    const [standing] = await nodes[1].state.live.standings([ref])
    expect([undefined, 2]).toContain(standing?.version)
  })

  test('no event: nothing is written', async () => {
    const { scope } = await newTenant()
    await changes[0](scope, ORIGIN, async () => ({ result: 0, events: [] }))
    expect([await entriesOf(scope), await headOf(scope)]).toEqual([[], null])
  })

  describe('the chain', () => {
    test('30 changes at once on two nodes: no gap, no fork, no loss', async () => {
      const { scope, ref } = await newTenant()
      const work = Array.from({ length: 30 }, (_, each) =>
        (changes[each % 2] as Change)(scope, ORIGIN, async () => ({
          ...{ result: each, events: [event(`${each}`)], moved: [{ ref, kill: each % 3 === 0 }] },
        })),
      )
      expect((await Promise.all(work)).length).toBe(30)
      const rows = await entriesOf(scope)
      expect(rows.map(({ targetId }) => Number(targetId)).sort((a, b) => a - b)).toEqual(work.map((_, each) => each))
      expect(isWhole(rows, await headOf(scope))).toBe(true)
      for (const { state } of nodes)
        expect(await state.live.standings([ref])).toEqual([{ ref, version: 31, epoch: 11 }])
    }, 60_000)

    test('several events of one change follow each other', async () => {
      const { scope } = await newTenant()
      await changes[0](scope, ORIGIN, async () => ({ result: 0, events: [event('1'), event('2'), event('3')] }))
      const rows = await entriesOf(scope)
      expect(rows.map(({ seq, targetId }) => [seq, targetId])).toEqual([
        [1, '1'],
        [2, '2'],
        [3, '3'],
      ])
      expect(isWhole(rows, await headOf(scope))).toBe(true)
    })

    test('each tenant and mode has its own', async () => {
      const [one, other] = [await newTenant(), await newTenant()]
      const scopes = [one.scope, other.scope, { ...one.scope, mode: 'test' as const }]
      for (const scope of [...scopes, ...scopes]) {
        await changes[1](scope, { actor: ORIGIN.actor }, async () => ({ result: 0, events: [event('x')] }))
      }
      const hashes = new Set<string>()
      for (const scope of scopes) {
        const rows = await entriesOf(scope)
        expect(rows.map(({ seq, ip, requestId }) => [seq, ip, requestId])).toEqual([
          [1, null, null],
          [2, null, null],
        ])
        expect(isWhole(rows, await headOf(scope))).toBe(true)
        for (const { hash } of rows) hashes.add(hash)
      }
      expect(hashes.size).toBe(6)
    })

    test('altering any column of any entry breaks it, and so does removing, adding or exchanging one', async () => {
      const { scope } = await newTenant()
      const details = { name: 'n', list: ['a', 'b'], count: 1, none: null }
      for (let each = 0; each < 3; each++) {
        await changes[0](scope, ORIGIN, async () => ({ result: 0, events: [event(`${each}`, details)] }))
        clock.advance(1)
      }
      const rows = await entriesOf(scope)
      const head = await headOf(scope)
      expect(isWhole(rows, head)).toBe(true)

      const altered = (value: unknown): unknown => {
        if (typeof value === 'number') return value + 1
        if (value instanceof Date) return new Date(value.getTime() + 1)
        if (value instanceof Object) return { ...value, name: 'N' }
        return `${value}x`
      }
      const columns = Object.keys(rows[0] as EntryRow) as (keyof EntryRow)[]
      expect(columns).toHaveLength(17)
      for (const [at, row] of rows.entries()) {
        for (const column of columns) {
          const forged = rows.with(at, { ...row, [column]: altered(row[column]) } as EntryRow)
          expect([column, isWhole(forged, head)]).toEqual([column, false])
          const emptied = rows.with(at, { ...row, [column]: null } as unknown as EntryRow)
          if (column !== 'at') expect([column, isWhole(emptied, head)]).toEqual([column, false])
        }
        expect(isWhole(rows.toSpliced(at, 1), head)).toBe(false)
        expect(isWhole(rows.toSpliced(at, 0, row), head)).toBe(false)
      }
      const [first, second, third] = rows as [EntryRow, EntryRow, EntryRow]
      expect(isWhole([second, first, third], head)).toBe(false)
    })

    test('the hash does not depend on the order in which members are kept', () => {
      const at = new Date(0)
      const [a, b] = [
        { sandbox: false, x: { p: 1, q: 2 } },
        { x: { q: 2, p: 1 }, sandbox: false },
      ].map((details) => hashOf(CHAIN_START, { ...BARE, at, details }))
      expect(a).toBe(b)
      const shifted = hashOf(CHAIN_START, { ...BARE, at, actorId: 'ab', actorName: 'c', details: {} })
      expect(shifted).not.toBe(hashOf(CHAIN_START, { ...BARE, at, actorId: 'a', actorName: 'bc', details: {} }))
    })
  })
})

const BARE = {
  ...{ tenantId: 't', mode: 'live', id: 'evt', seq: 1, action: 'a', actorType: 'o', actorId: 'i', actorName: 'n' },
  ...{ targetType: 't', targetId: 't', ip: null, requestId: null },
}
