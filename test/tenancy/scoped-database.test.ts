import { beforeAll, describe, expect, test } from 'vitest'
import { MODES, type Mode } from '../../server/mode/mode.ts'
import { type Database, inTransaction, Prisma } from '../../server/storage/database.ts'
import { type ScopedDatabase, scopeDatabase, type TenantScope } from '../../server/tenancy/scoped-database.ts'
import { describeDeployment } from '../deployments.ts'

const AT = new Date('2030-01-01T00:00:00Z')

describeDeployment('database', 'the scoped database', (open) => {
  let database: Database
  let mine: ScopedDatabase
  const me: TenantScope = { tenantId: 'ten_me', mode: 'live' }
  /** Another tenant in the same mode; the same tenant in the other mode; neither. */
  const strangers: readonly TenantScope[] = [
    { tenantId: 'ten_other', mode: 'live' },
    { tenantId: 'ten_me', mode: 'test' },
    { tenantId: 'ten_other', mode: 'test' },
  ]
  const nameOf = ({ tenantId, mode }: TenantScope) => `${tenantId}_${mode}`

  beforeAll(async () => {
    const { nodes } = await open()
    database = nodes[0].database
    mine = scopeDatabase(database, me)
    for (const id of ['ten_me', 'ten_other']) {
      await database.tenant.create({ data: { id, name: id, plan: 'standard', status: 'active', createdAt: AT } })
    }
    for (const scope of [me, ...strangers]) {
      const name = nameOf(scope)
      await database.standing.create({ data: { ...scope, ref: name, kind: 'client' } })
      await database.client.create({
        data: {
          ...{ ...scope, id: name, publicId: name, ref: name, kind: 'standard', name, createdBy: 'test' },
          ...{ createdAt: AT, updatedAt: AT },
        },
      })
      const secret = { id: name, clientId: name, digest: Buffer.from('x'), hashKey: 'k', createdBy: 't', createdAt: AT }
      await database.secret.create({ data: { ...scope, ...secret } })
      await database.resource.create({ data: { ...scope, id: name, identifier: 'https://a', name, createdAt: AT } })
      await database.app.create({ data: { ...scope, ...app(name) } })
      await database.member.create({ data: { ...member(name), tenantId: scope.tenantId } })
      await database.consent.create({ data: { ...scope, ...consent(name) } })
      await database.passkey.create({ data: { ...scope, ...passkey(name) } })
      await database.signInSession.create({ data: { ...scope, ...session(name) } })
      await database.tenantSettings.create({ data: scope })
      await database.workloadProvider.create({ data: { ...scope, ...provider(name) } })
      await database.workloadBinding.create({ data: { ...scope, ...binding(name) } })
      await database.apiClient.create({ data: { ...scope, ...apiClient(name) } })
      await database.team.create({ data: { ...scope, ...team(name) } })
      await database.teamMember.create({ data: { ...scope, teamId: name, memberId: name, createdAt: AT } })
      await database.usageDay.create({ data: { ...scope, ...usage(name) } })
      await database.webhook.create({ data: { ...scope, ...webhook(name) } })
      await database.webhookMessage.create({ data: { ...scope, ...message(name) } })
      await database.idempotentRequest.create({ data: { ...scope, ...request(name) } })
      await database.invitation.create({ data: { ...invitation(name), tenantId: scope.tenantId } })
      await database.auditHead.create({ data: { ...scope, seq: 1, hash: name } })
      await database.auditEntry.create({ data: { ...scope, ...entry(name) } })
    }
  })

  const entry = (id: string) => ({
    ...{ id, seq: 1, at: AT, action: 'a.b', actorType: 'operator', actorId: 'o', actorName: 'o' },
    ...{ targetType: 't', targetId: 't', details: {}, previous: 'p', hash: 'h' },
  })

  const app = (clientId: string) => ({ clientId, type: 'public', redirectUris: [], refreshIdle: 1, refreshAbsolute: 1 })
  const member = (id: string) => ({ id, email: id, passwordHash: 'p', role: 'member', createdAt: AT })
  const consent = (name: string) => ({
    ...{ id: name, memberId: name, clientId: name, ref: name, scopes: {}, createdAt: AT, updatedAt: AT },
  })
  const passkey = (name: string) => ({
    ...{ id: name, memberId: name, credentialId: name, publicKey: Buffer.from('x'), counter: 0, name, createdAt: AT },
  })
  const session = (name: string) => ({
    ...{ id: name, digest: name, uid: name, memberId: name, payload: {} },
    ...{ createdAt: AT, lastSeenAt: AT, expiresAt: AT },
  })

  const provider = (name: string) => ({
    ...{ id: name, platform: 'oidc', name, issuer: 'https://i.example', singleUse: false },
    ...{ createdBy: 't', createdAt: AT, updatedAt: AT },
  })
  const binding = (name: string) => ({
    ...{ id: name, providerId: name, serviceUserId: name, ref: name, conditions: [] },
    ...{ createdBy: 't', createdAt: AT, updatedAt: AT },
  })

  const apiClient = (name: string) => ({ id: name, clientId: name, permission: 'read' })
  const team = (name: string) => ({ id: name, name, createdBy: 't', createdAt: AT, updatedAt: AT })
  const usage = (name: string) => ({ clientId: name, secretId: name, day: '2030-01-01', count: 1 })
  const webhook = (name: string) => ({
    ...{ id: name, url: 'https://w.example', events: [], sealedSecret: 's', createdBy: 't' },
    ...{ createdAt: AT, updatedAt: AT },
  })
  const message = (name: string) => ({ id: name, webhookId: name, event: 'a.b', body: '{}', createdAt: AT })
  const request = (name: string) => ({ digest: name, requestDigest: 'r', createdAt: AT, expiresAt: AT })
  const invitation = (name: string) => ({
    ...{ id: name, email: name, role: 'member', digest: name, createdBy: 't', createdAt: AT, expiresAt: AT },
  })

  const dump = async () => {
    const [row] = await database.$queryRaw<{ all: string }[]>`
      SELECT (SELECT json_agg(c ORDER BY id)::text FROM client c) || (SELECT json_agg(s ORDER BY id)::text FROM secret s)
        || (SELECT json_agg(a ORDER BY id)::text FROM audit_entry a)
        || (SELECT json_agg(h ORDER BY tenant_id, mode)::text FROM audit_head h)
        || (SELECT json_agg(r ORDER BY id)::text FROM resource r)
        || (SELECT json_agg(a ORDER BY client_id)::text FROM app a)
        || (SELECT json_agg(c ORDER BY id)::text FROM consent c)
        || (SELECT json_agg(p ORDER BY id)::text FROM passkey p)
        || (SELECT json_agg(s ORDER BY id)::text FROM sign_in_session s)
        || (SELECT json_agg(t ORDER BY tenant_id, mode)::text FROM tenant_settings t)
        || (SELECT json_agg(w ORDER BY id)::text FROM workload_provider w)
        || (SELECT json_agg(w ORDER BY id)::text FROM workload_binding w)
        || (SELECT json_agg(a ORDER BY id)::text FROM api_client a)
        || (SELECT json_agg(t ORDER BY id)::text FROM team t)
        || (SELECT json_agg(t ORDER BY team_id)::text FROM team_member t)
        || (SELECT json_agg(u ORDER BY client_id)::text FROM usage_day u)
        || (SELECT json_agg(w ORDER BY id)::text FROM webhook w)
        || (SELECT json_agg(w ORDER BY id)::text FROM webhook_message w)
        || (SELECT json_agg(i ORDER BY digest)::text FROM idempotent_request i)
        || (SELECT json_agg(i ORDER BY id)::text FROM invitation i)
        || (SELECT json_agg(m ORDER BY id)::text FROM member m)
        || (SELECT json_agg(s ORDER BY ref)::text FROM standing s) AS all`
    expect(row?.all).toBeTruthy() // one empty table would make all of it NULL, and equal
    return row?.all
  }

  /** Each model, by the column that names a row (none: tenant and mode do), and a harmless change to it. */
  const MODELS = {
    client: { key: 'id', change: { name: 'changed' } },
    secret: { key: 'id', change: { name: 'changed' } },
    resource: { key: 'id', change: { name: 'changed' } },
    auditEntry: { key: 'id', change: { actorName: 'changed' } },
    standing: { key: 'ref', change: { version: { increment: 1 } } },
    auditHead: { key: 'hash', change: { seq: { increment: 1 } } },
    app: { key: 'clientId', change: { homepage: 'https://changed.example' } },
    consent: { key: 'id', change: { withdrawnAt: AT } },
    passkey: { key: 'id', change: { name: 'changed' } },
    signInSession: { key: 'id', change: { userAgent: 'changed' } },
    workloadProvider: { key: 'id', change: { name: 'changed' } },
    workloadBinding: { key: 'id', change: { name: 'changed' } },
    apiClient: { key: 'id', change: { permission: 'edit' } },
    team: { key: 'id', change: { name: 'changed' } },
    teamMember: { key: 'teamId', change: { createdAt: new Date(0) } },
    usageDay: { key: 'clientId', change: { count: { increment: 1 } } },
    webhook: { key: 'id', change: { url: 'https://changed.example' } },
    webhookMessage: { key: 'id', change: { body: 'changed' } },
    idempotentRequest: { key: 'digest', change: { status: 201 } },
    tenantSettings: { key: undefined, change: { requireDpop: true } },
  } as const

  /** People: the tenant's, whatever the mode. */
  const OF_THE_TENANT = {
    invitation: { change: { role: 'admin' } },
    member: { change: { role: 'admin' } },
  } as const

  /** What Prisma calls a key of several columns. */
  const COMPOUND: Record<string, (scope: TenantScope) => object> = {
    auditHead: (scope) => ({ tenantId_mode: scope }),
    tenantSettings: (scope) => ({ tenantId_mode: scope }),
    teamMember: (scope) => ({
      tenantId_mode_teamId_memberId: { ...scope, teamId: nameOf(scope), memberId: nameOf(scope) },
    }),
    usageDay: (scope) => ({
      tenantId_mode_clientId_secretId_day: {
        ...{ ...scope, clientId: nameOf(scope), secretId: nameOf(scope), day: '2030-01-01' },
      },
    }),
    idempotentRequest: (scope) => ({ tenantId_mode_digest: { ...scope, digest: nameOf(scope) } }),
  }

  // biome-ignore lint/suspicious/noExplicitAny: each model has its own types; here they are all treated alike.
  type AnyModel = Record<string, (args: object) => Promise<any>>
  const modelOf = (of: ScopedDatabase, name: string) => (of as unknown as Record<string, AnyModel>)[name] as AnyModel

  describe.each(Object.entries(MODELS))('%s', (name, { key, change }) => {
    const finds = ['findFirst', 'findFirstOrThrow', 'findMany', 'findUnique', 'findUniqueOrThrow'] as const
    const named = (scope: TenantScope): object => (key ? { [key]: nameOf(scope) } : { ...scope })
    const unique = (scope: TenantScope): object => COMPOUND[name]?.(scope) ?? named(scope)
    const call = (operation: string, args: object) => modelOf(mine, name)[operation]?.(args)

    test.each(finds)('%s finds its own and nothing else', async (operation) => {
      const whereOf = (scope: TenantScope) => (operation.startsWith('findUnique') ? unique(scope) : named(scope))
      const own = [await call(operation, { where: whereOf(me) })].flat()
      expect(own).toHaveLength(1)
      expect(own[0]).toMatchObject(me)
      for (const scope of strangers) {
        const found = await call(operation, { where: whereOf(scope) })?.catch((error: unknown) => error)
        if (found instanceof Error) expect(found).toMatchObject({ code: 'P2025' })
        else expect([found].flat().filter(Boolean)).toEqual([])
      }
    })

    test('without a condition, with one that is always true, or that names others: only its own, or nothing', async () => {
      expect(await call('findMany', {})).toHaveLength(1)
      const others = { OR: [{ tenantId: 'ten_other' }, { mode: 'test' }, { tenantId: { not: '' } }] }
      expect(await call('findMany', { where: others })).toMatchObject([me])
      expect(await call('findMany', { where: { NOT: { tenantId: 'ten_me' } } })).toEqual([])
      for (const scope of strangers) {
        expect(await call('findMany', { where: { ...scope } })).toEqual([])
        expect(await call('findMany', { where: { AND: [{ ...scope }] } })).toEqual([])
      }
    })

    test('count, aggregate and groupBy know of its own only', async () => {
      expect(await call('count', {})).toBe(1)
      expect(await call('count', { where: { tenantId: 'ten_other' } })).toBe(0)
      expect((await call('aggregate', { _count: true }))._count).toBe(1)
      const groups = await call('groupBy', { by: ['tenantId', 'mode'], _count: true })
      expect(groups).toEqual([{ ...me, _count: 1 }])
    })

    const changes: [string, (scope: TenantScope) => object][] = [
      ['update', (scope) => ({ where: unique(scope), data: change })],
      ['updateMany', (scope) => ({ where: named(scope), data: change })],
      ['updateMany', (scope) => ({ where: { ...scope }, data: change })],
      ['updateMany', (scope) => ({ where: { NOT: me, ...scope }, data: change })],
      ['updateManyAndReturn', (scope) => ({ where: named(scope), data: change })],
      ['delete', (scope) => ({ where: unique(scope) })],
      ['deleteMany', (scope) => ({ where: named(scope) })],
      ['deleteMany', (scope) => ({ where: { ...scope } })],
    ]
    test.each(changes)(
      "%s (%#) changes nothing of a stranger's, nor of its own instead",
      async (operation, argsFor) => {
        const before = await dump()
        for (const scope of strangers) {
          const done = await call(operation, argsFor(scope))?.catch((error: unknown) => error)
          if (done instanceof Error) expect(done).toMatchObject({ code: 'P2025' })
          else expect(Array.isArray(done) ? done.length : done.count).toBe(0)
        }
        expect(await dump()).toBe(before)
      },
    )

    test('what is its own can not be given away', async () => {
      const before = await dump()
      for (const scope of strangers) {
        await call('updateMany', { where: {}, data: { ...scope } })
        await call('update', { where: unique(me), data: { ...scope } })
      }
      expect(await dump()).toBe(before)
    })
  })

  describe.each(Object.entries(OF_THE_TENANT))('%s, which is of no mode', (name, { change }) => {
    const both = ['ten_me_live', 'ten_me_test']
    const calling = (of: ScopedDatabase) => (operation: string, args: object) => modelOf(of, name)[operation]?.(args)

    test('is read from a mode as far as it is the tenant’s', async () => {
      const rows = await calling(mine)('findMany', { orderBy: { id: 'asc' } })
      expect(rows.map(({ id }: { id: string }) => id)).toEqual(both)
      expect(await calling(mine)('findUnique', { where: { id: 'ten_other_live' } })).toBeNull()
    })

    test('is not changed from a mode', async () => {
      const before = await dump()
      const [where, data] = [{ id: 'ten_me_live' }, change]
      const attempts: [string, object][] = [
        ...([
          ['create', { data: { id: 'x' } }],
          ['createMany', { data: [{ id: 'x' }] }],
        ] as [string, object][]),
        ...([
          ['update', { where, data }],
          ['updateMany', { where, data }],
        ] as [string, object][]),
        ...([
          ['delete', { where }],
          ['deleteMany', {}],
        ] as [string, object][]),
        ['upsert', { where, create: { id: 'x' }, update: data }],
      ]
      for (const [operation, args] of attempts) {
        await expect(async () => calling(mine)(operation, args)).rejects.toThrow('changed for the whole tenant')
      }
      expect(await dump()).toBe(before)
    })

    test('is changed for the whole tenant, and nobody else’s', async () => {
      const whole = calling(scopeDatabase(database, { tenantId: 'ten_me' }) as ScopedDatabase)
      expect(await whole('updateMany', { where: { id: 'ten_other_live' }, data: change })).toEqual({ count: 0 })
      expect(await whole('updateMany', { where: {}, data: { ...change, tenantId: 'ten_other' } })).toEqual({ count: 2 })
      const kept = await calling(scopeDatabase(database, { tenantId: 'ten_me' }) as ScopedDatabase)('findMany', {})
      expect(kept).toMatchObject([change, change])
    })
  })

  test('the whole tenant reaches both modes, and no other tenant', async () => {
    const whole = scopeDatabase(database, { tenantId: 'ten_me' })
    const clients = await whole.client.findMany({ orderBy: { id: 'asc' }, select: { id: true } })
    expect(clients.map(({ id }) => id)).toEqual(['ten_me_live', 'ten_me_test'])
    expect(await whole.standing.updateMany({ where: { ref: 'ten_other_live' }, data: { epoch: 9 } })).toEqual({
      count: 0,
    })
  })

  describe('writes', () => {
    const resource = (id: string, scope: Partial<TenantScope> = {}) => ({
      ...{ id, identifier: `https://${id}`, name: id, createdAt: AT, ...scope },
    })
    const ofStranger = (id: string) => resource(id, strangers[0]) as ReturnType<typeof resource> & TenantScope
    const keptAs = (id: string) => database.resource.findUniqueOrThrow({ where: { id } })

    test('create, createMany, createManyAndReturn: into its own scope, whatever they say', async () => {
      await mine.resource.create({ data: ofStranger('r1') })
      await mine.resource.createMany({ data: [ofStranger('r2'), ofStranger('r3')] })
      await mine.resource.createMany({ data: ofStranger('r4') })
      await mine.resource.createManyAndReturn({ data: [ofStranger('r5')] })
      for (const id of ['r1', 'r2', 'r3', 'r4', 'r5']) expect(await keptAs(id)).toMatchObject(me)
    })

    test('upsert: neither its creation nor its update leaves the scope', async () => {
      const [stranger] = strangers as [TenantScope]
      const args = { where: { id: 'r6' }, create: ofStranger('r6'), update: { ...stranger, name: 'again' } }
      await mine.resource.upsert(args)
      expect(await keptAs('r6')).toMatchObject(me)
      await mine.resource.upsert(args)
      expect(await keptAs('r6')).toMatchObject({ ...me, name: 'again' })
      const theirs = nameOf(stranger)
      const before = await dump()
      const attempt = mine.resource.upsert({ where: { id: theirs }, create: ofStranger(theirs), update: { name: 'x' } })
      await expect(attempt).rejects.toMatchObject({ code: 'P2002' })
      expect(await dump()).toBe(before)
    })

    test("through a relation nothing of a stranger's is reached", async () => {
      const before = await dump()
      const [{ id: own } = { id: '' }] = await mine.client.findMany()
      for (const scope of strangers) {
        const theirs = nameOf(scope)
        for (const secrets of [
          { connect: { id: theirs } },
          { set: [{ id: theirs }] },
          { update: { where: { id: theirs }, data: { name: 'x' } } },
          { updateMany: { where: {}, data: { name: 'x' } } },
          { delete: { id: theirs } },
          { deleteMany: {} },
        ]) {
          await expect(mine.client.update({ where: { id: own }, data: { secrets } })).rejects.toThrow()
        }
        const secret = { id: 'stolen', digest: Buffer.from('x'), hashKey: 'k', createdBy: 't', createdAt: AT }
        const client = { connect: { id: theirs } }
        await expect(mine.secret.create({ data: { ...secret, ...me, client } as never })).rejects.toThrow()
        await expect(mine.secret.update({ where: { id: own }, data: { client } })).rejects.toThrow()
      }
      expect(await dump()).toBe(before)
    })

    test('reading through a relation is fine', async () => {
      const found = await mine.client.findFirstOrThrow({ include: { secrets: true } })
      expect(found.secrets).toMatchObject([me])
    })
  })

  test('the tenant’s own row is read from a mode, and changed for the whole tenant alone', async () => {
    const whole = scopeDatabase(database, { tenantId: 'ten_other' })
    expect((await mine.tenant.findMany()).map(({ id }) => id)).toEqual(['ten_me'])
    expect(await mine.tenant.findUnique({ where: { id: 'ten_other' } })).toBeNull()
    const change = { where: {}, data: { plan: 'enterprise' } }
    await expect(async () => mine.tenant.updateMany(change)).rejects.toThrow('changed for the whole tenant')
    await expect(async () => mine.tenant.deleteMany()).rejects.toThrow('changed for the whole tenant')
    expect(await whole.tenant.updateMany({ ...change, where: { id: 'ten_me' } })).toEqual({ count: 0 })
    expect(await whole.tenant.updateMany(change)).toEqual({ count: 1 })
    expect(await database.tenant.findMany({ where: { plan: 'enterprise' } })).toMatchObject([{ id: 'ten_other' }])
    await whole.tenant.updateMany({ where: {}, data: { plan: 'standard' } })
  })

  describe('refused', () => {
    test('models that are no tenant’s', async () => {
      const unscoped = Object.values(Prisma.ModelName).filter(
        (name) => !(name[0]?.toLowerCase() + name.slice(1) in { ...MODELS, ...OF_THE_TENANT, tenant: 'itself' }),
      )
      expect(unscoped).toEqual(expect.arrayContaining(['SigningKey', 'AccessToken', 'ScopeSet']))
      for (const name of unscoped) {
        const model = modelOf(mine, name[0]?.toLowerCase() + name.slice(1))
        for (const operation of ['findMany', 'findFirst', 'count', 'deleteMany'] as const) {
          await expect(async () => model[operation]?.({})).rejects.toThrow(`${name} is not a tenant's`)
        }
      }
    })

    test('SQL written by hand, inside a transaction or not', async () => {
      const attempts = (
        of: Pick<ScopedDatabase, '$queryRaw' | '$executeRaw' | '$queryRawUnsafe' | '$executeRawUnsafe'>,
      ) => [
        () => of.$queryRaw`SELECT 1`,
        () => of.$executeRaw`DELETE FROM client`,
        () => of.$queryRawUnsafe('SELECT 1'),
        () => of.$executeRawUnsafe('DELETE FROM client'),
      ]
      for (const attempt of attempts(mine)) await expect(async () => attempt()).rejects.toThrow("can't be scoped")
      for (let each = 0; each < 4; each++) {
        const inside = inTransaction(mine, async (transaction) => {
          await attempts(transaction)[each]?.()
        })
        await expect(inside).rejects.toThrow("can't be scoped")
      }
    })
  })

  test('a transaction is scoped as well', async () => {
    const found = await inTransaction(mine, (transaction) =>
      transaction.client.findMany({ where: { name: { not: '' } } }),
    )
    expect(found).toMatchObject([me])
    for (const mode of MODES) {
      for (const tenantId of ['ten_me', 'ten_other']) {
        const theirs = scopeDatabase(database, { tenantId, mode: mode as Mode })
        expect(await inTransaction(theirs, (transaction) => transaction.client.count())).toBe(1)
      }
    }
  })
})
