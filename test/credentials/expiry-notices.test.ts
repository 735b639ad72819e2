import { beforeAll, expect, test } from 'vitest'
import { createDigests } from '../../server/credentials/digest.ts'
import { createExpiryNotices } from '../../server/credentials/expiry-notices.ts'
import { newClientRef, newPublicId, newRecordId } from '../../server/credentials/format.ts'
import { issueKey, revokeKey } from '../../server/credentials/keys.ts'
import { describeDeployments } from '../deployments.ts'
import { changeOf } from '../tenants.ts'
import { receiver } from '../webhooks/receiver.ts'
import { ORIGIN, openWorld, type World } from '../webhooks/world.ts'

const DAY = 86_400_000

describeDeployments('expiry notices', (open) => {
  let world: World
  beforeAll(async () => {
    world = await openWorld(open)
  })

  const noticesOn = (which: 0 | 1) => {
    const storage = world.nodes[which]
    const change = changeOf({ storage, clock: world.clock })
    return createExpiryNotices({ database: storage.database, change, clock: world.clock })
  }
  const inDays = (days: number) => new Date(world.clock.now() + days * DAY)

  async function key(days: number | null, kind: 'standard' | 'enterprise' | 'public' = 'standard') {
    const made = {
      ...{ kind, name: `in ${days} days`, description: null, scopes: [], tokenValidity: null, requireDpop: false },
      ...{ expiresAt: days === null ? null : inDays(days), createdBy: 'test' },
    }
    const now = new Date(world.clock.now())
    const { row } = await world.change(world.scope, ORIGIN, (transaction) =>
      issueKey(transaction, world.scope, createDigests(world.masterKeys), made, now),
    )
    return row.id
  }

  /** Of an id, as days, in the order in which they were given. */
  async function given(id: string) {
    const where = { targetId: id, action: 'credential.expiring' }
    const entries = await world.database.auditEntry.findMany({ where, orderBy: { seq: 'asc' } })
    return entries.map(({ details }) => (details as { days: number }).days)
  }

  test('14, 3 and 1 days before, each once, whoever looks how often; then no more', async () => {
    const id = await key(20)
    const days: number[][] = []
    for (let day = 0; day < 22; day++) {
      await Promise.all([noticesOn(0).give(), noticesOn(1).give(), noticesOn(1).give()])
      days.push(await given(id))
      world.clock.advance(DAY)
    }
    const first = (count: number) => days.findIndex((given) => given.length === count)
    expect(days.at(-1)).toEqual([14, 3, 1])
    expect([first(1), first(2), first(3)]).toEqual([6, 17, 19])
  })

  test('by the system, with what it is and when it ends; a webhook is told', async () => {
    const { url, received } = await receiver()
    await world.listen(url, ['credential.expiring'])
    const id = await key(2)
    expect(await noticesOn(0).give()).toBe(1)
    await world.delivery().round()
    expect(received.map(({ body }) => JSON.parse(body).data)).toMatchObject([
      {
        actor: { type: 'system', id: 'expiry-notices', name: 'Expiry notices' },
        target: { type: 'api_key', id },
        details: { days: 3, name: 'in 2 days', expires_at: inDays(2).toISOString() },
      },
    ])
  })

  test('of what ends and can be used: not of what is far off, over, revoked, or has no secret', async () => {
    const gone = await key(2)
    await world.change(world.scope, ORIGIN, (transaction) => revokeKey(transaction, gone, new Date()))
    const none = [gone, await key(15), await key(null), await key(0), await key(-1), await key(2, 'public')]
    const enterprise = await key(2, 'enterprise')
    await noticesOn(0).give()
    for (const id of none) expect(await given(id)).toEqual([])
    expect(await given(enterprise)).toEqual([3])
  })

  test('of service tokens and people’s own, not of a secret that ends because its key was rotated', async () => {
    const [at, createdAt] = [{ createdBy: 'test' }, new Date(world.clock.now())]
    const { database } = world
    const client = async (id: string, kind: string, more = {}) => {
      const ref = newClientRef()
      await database.standing.create({ data: { ...world.scope, ref, kind: 'client' } })
      const times = { createdAt, updatedAt: createdAt, ...more }
      const data = { ...world.scope, id, kind, name: id, publicId: newPublicId(), ref, ...at, ...times }
      await database.client.create({ data })
    }
    const secret = (clientId: string, publicId: string | null) => ({
      ...{ ...world.scope, id: newRecordId('svt'), clientId, publicId, name: 'one', expiresAt: inDays(1), ...at },
      ...{ createdAt, digest: Buffer.alloc(32), hashKey: 'test' },
    })
    const users = [newRecordId('su'), newRecordId('su')] as const
    await client(users[0], 'service_user')
    await client(users[1], 'service_user', { disabledAt: createdAt })
    const personal = newRecordId('pat')
    const member = { id: newRecordId('mem'), email: 'one@example.com', passwordHash: '', role: 'member', createdAt }
    await database.member.create({ data: { ...member, tenantId: world.tenant.id } })
    await client(personal, 'personal', { expiresAt: inDays(1), memberId: member.id })
    const rotated = await key(null)
    const [token, off, old] = await Promise.all([
      database.secret.create({ data: secret(users[0], newPublicId()) }),
      database.secret.create({ data: secret(users[1], newPublicId()) }),
      database.secret.create({ data: secret(rotated, null) }),
    ])
    expect(await noticesOn(0).give()).toBe(2)
    expect([await given(personal), await given(token.id), await given(off.id), await given(old.id)]).toEqual([
      ...[[1], [1], [], []],
    ])
  })

  test('moved away and come again: said again', async () => {
    const id = await key(1)
    const move = (days: number | null) =>
      world.database.client.update({ where: { id }, data: { expiresAt: days === null ? null : inDays(days) } })
    await noticesOn(0).give()
    await move(10)
    await noticesOn(0).give()
    expect(await given(id)).toEqual([1])
    await move(3)
    await noticesOn(0).give()
    expect(await given(id)).toEqual([1, 3])
    await move(null)
    await noticesOn(0).give()
    await move(14)
    await noticesOn(0).give()
    expect(await given(id)).toEqual([1, 3, 14])
  })
})
