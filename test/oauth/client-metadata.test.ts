import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createClientRegistry } from '../../server/credentials/client-registry.ts'
import { newRecordId } from '../../server/credentials/format.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { createStandings } from '../../server/credentials/standings.ts'
import type { Mode } from '../../server/mode/mode.ts'
import { createDocumentClients, type DocumentClients } from '../../server/oauth/client-metadata/document-clients.ts'
import { createClientDocuments } from '../../server/oauth/client-metadata/documents.ts'
import { registerByDocument } from '../../server/oauth/client-metadata/registration.ts'
import { allowanceOf } from '../../server/outbound/allowance.ts'
import { createOutbound } from '../../server/outbound/outbound.ts'
import type { Storage } from '../../server/storage/open.ts'
import { changeSettings, type TenantSettings } from '../../server/tenancy/settings.ts'
import { createTestClock, type TestClock } from '../clock.ts'
import { describeDeployments } from '../deployments.ts'
import { changeOf, createTenant, setTenantStatus } from '../tenants.ts'

const ISSUER = 'https://auth.example'
const HOUR = 3600_000
const ADMIN = { actor: { type: 'member' as const, id: 'mem_test', name: 'an admin' } }

/** A client's own server, whose document a test changes as it likes. */
async function startClientServer() {
  const fetched: string[] = []
  const extra = new Map<string, object>()
  let origin = ''
  const server = createServer(({ url = '' }, response) => {
    fetched.push(url)
    const document = { client_id: origin + url, redirect_uris: ['http://127.0.0.1/callback'], ...extra.get(url) }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  origin = `http://127.0.0.1:${port}`
  return { origin, allow: [`127.0.0.1:${port}`], fetched, extra }
}

describeDeployments('clients that are described by a document (CIMD)', (open) => {
  let web: Awaited<ReturnType<typeof startClientServer>>
  let stores: { storage: Storage; clock: TestClock; masterKeys: ReturnType<typeof deriveMasterKeys> }
  let nodes: readonly [Storage, Storage]
  let tenantId: string
  let resource: string
  let url: string
  let here: DocumentClients

  const clientsAt = (storage: Storage, mode: Mode = 'live'): DocumentClients => {
    const { database } = storage
    const standings = createStandings({ mode, database, state: storage.state[mode] })
    const outbound = createOutbound({ allow: web.allow })
    return createDocumentClients({
      ...{ mode, issuer: ISSUER, database, clock: stores.clock },
      clients: createClientRegistry({ mode, database, standings }),
      documents: createClientDocuments({ outbound, clock: stores.clock }),
      isPlainAllowed: allowanceOf(web.allow).names,
      change: changeOf({ storage, clock: stores.clock }),
    })
  }

  const settle = async (tenantId: string, settings: Partial<TenantSettings>, mode: Mode = 'live') => {
    const scope = { tenantId, mode }
    const tenant = await stores.storage.database.standing.findFirstOrThrow({ where: { ...scope, kind: 'tenant' } })
    return changeOf(stores)(scope, ADMIN, (transaction) => changeSettings(transaction, scope, tenant, settings))
  }

  const addResource = async (tenantId: string, identifier: string, mode: Mode = 'live') => {
    const data = { id: newRecordId('res'), tenantId, mode, identifier, name: 'An API', scopes: ['notes:read'] }
    await stores.storage.database.resource.create({ data: { ...data, createdAt: new Date(stores.clock.now()) } })
  }

  const find = (at = here) => at.findByClientId(url, { resource: [resource] })

  const found = async (at = here) => {
    const result = await find(at)
    if (!result.ok) throw new Error(result.error.description)
    return result.value
  }

  /** As the consent does. */
  const register = async (storage = stores.storage) => {
    const { document } = await found()
    const scope = { tenantId, mode: 'live' as const }
    return changeOf({ storage, clock: stores.clock })(scope, ADMIN, (transaction) =>
      registerByDocument(transaction, scope, document, new Date(stores.clock.now())),
    )
  }

  const revoke = async ({ id, ref }: { id: string; ref: string }) =>
    changeOf(stores)({ tenantId, mode: 'live' }, ADMIN, async (transaction) => {
      await transaction.client.update({ where: { id }, data: { revokedAt: new Date(stores.clock.now()) } })
      return { result: undefined, events: [], moved: [{ ref, kill: true }] }
    })

  const counts = async () => {
    const { app, client, standing, auditEntry } = stores.storage.database
    return [await app.count(), await client.count(), await standing.count(), await auditEntry.count()]
  }

  const actions = async () => {
    const entries = await stores.storage.database.auditEntry.findMany({ where: { tenantId }, orderBy: { seq: 'asc' } })
    return entries.filter(({ action }) => action.startsWith('app.'))
  }

  const refusedWith = (error: string) => ({ ok: false, error: { error } })

  beforeAll(async () => {
    web = await startClientServer()
    const clock = createTestClock()
    nodes = (await open({ clock })).nodes
    stores = { storage: nodes[0], clock, masterKeys: deriveMasterKeys([Buffer.alloc(32, 7)]) }
  })

  let count = 0
  /** A willing tenant, a resource and a client of its own for each test. */
  beforeEach(async () => {
    await stores.storage.database.tenantSettings.deleteMany()
    tenantId = (await createTenant(stores)).id
    resource = `https://api-${++count}.example/mcp`
    url = `${web.origin}/client-${count}`
    await addResource(tenantId, resource)
    await settle(tenantId, { metadataDocumentClients: true })
    here = clientsAt(nodes[0])
    web.fetched.length = 0
  })

  describe('at the authorization endpoint', () => {
    test('a client that nobody knows is as its document says, and nothing is written', async () => {
      web.extra.set(`/client-${count}`, { client_name: 'An agent', scope: 'notes:read' })
      const before = await counts()
      const { client, tenant, stored, document } = await found()
      expect({ tenant: tenant.id, stored }).toEqual({ tenant: tenantId, stored: false })
      expect(client).toMatchObject({
        ...{ clientId: url, kind: 'app', name: 'An agent', scopes: ['notes:read'], mode: 'live', tenantId },
        app: { type: 'public', redirectUris: ['http://127.0.0.1/callback'], metadataUrl: url },
      })
      expect([client.id, client.ref, document.url]).toEqual(['', '', url])
      expect(await counts()).toEqual(before)
    })

    test('without a scope in the document: all that the resource has', async () => {
      expect((await found()).client.scopes).toBe('all')
    })

    test('off, as it is unless the tenant turns it on: invalid_client, and no fetch', async () => {
      await settle(tenantId, { metadataDocumentClients: false })
      expect(await find()).toMatchObject(refusedWith('invalid_client'))
      const { id } = await createTenant(stores)
      await addResource(id, 'https://never-asked.example')
      const request = { resource: ['https://never-asked.example'] }
      expect(await here.findByClientId(url, request)).toMatchObject(refusedWith('invalid_client'))
      expect(web.fetched).toEqual([])
    })

    test('on in one mode, it is off in the other', async () => {
      await addResource(tenantId, resource, 'test')
      expect(await find(clientsAt(nodes[0], 'test'))).toMatchObject(refusedWith('invalid_client'))
      expect(web.fetched).toEqual([])
    })

    test('of several tenants with the resource, the one that turned it on', async () => {
      const { id } = await createTenant(stores)
      await addResource(id, resource)
      expect((await found()).tenant.id).toBe(tenantId)
      await settle(id, { metadataDocumentClients: true })
      expect(await find()).toMatchObject(refusedWith('invalid_target'))
      await settle(tenantId, { metadataDocumentClients: false })
      expect((await found()).tenant.id).toBe(id)
    })

    test.each([
      ['no resource', () => []],
      ['the management API', () => [ISSUER]],
      ['the management API, with a slash', () => [`${ISSUER}/`]],
    ])('with %s, the tenant is the only one that turned it on; of two, none', async (_, wanted) => {
      const ask = () => here.findByClientId(url, { resource: wanted() })
      expect(await ask()).toMatchObject({ ok: true, value: { tenant: { id: tenantId } } })
      await settle((await createTenant(stores)).id, { metadataDocumentClients: true })
      web.fetched.length = 0
      expect(await ask()).toMatchObject(refusedWith('invalid_target'))
      expect(web.fetched).toEqual([])
    })

    test.each([
      ['nobody’s', () => ['https://nobodys.example'], 'invalid_client'],
      ['two of them (RFC 8707 §2)', () => [resource, ISSUER], 'invalid_target'],
      ['no URI', () => ['not a uri'], 'invalid_target'],
      ['one with a fragment (RFC 8707 §2)', () => [`${resource}#a`], 'invalid_target'],
    ])('a resource that is %s: no tenant, and no fetch', async (_, wanted, error) => {
      expect(await here.findByClientId(url, { resource: wanted() })).toMatchObject(refusedWith(error))
      expect(web.fetched).toEqual([])
    })

    test('§3: a URL that no client may have: no fetch', async () => {
      for (const wrong of [`${url}?a`, `${url}#a`, 'http://elsewhere.example/client', `${web.origin}/a/../b`]) {
        const answer = await here.findByClientId(wrong, { resource: [resource] })
        expect(answer).toMatchObject(refusedWith('invalid_client'))
      }
      expect(web.fetched).toEqual([])
    })

    test('a tenant that is paused: no fetch', async () => {
      await setTenantStatus(stores, tenantId, 'paused')
      expect(await find()).toMatchObject(refusedWith('subscription_inactive'))
      expect(web.fetched).toEqual([])
    })

    test('a document that is refused writes nothing', async () => {
      web.extra.set(`/client-${count}`, { client_secret: 'hunter2' })
      const before = await counts()
      expect(await find()).toMatchObject(refusedWith('invalid_client'))
      expect(await counts()).toEqual(before)
    })
  })

  describe('once somebody consented', () => {
    test('it has a record, with an entry in the audit log', async () => {
      web.extra.set(`/client-${count}`, { client_name: 'An agent' })
      const made = await register()
      const { client, stored, tenant } = await found(clientsAt(nodes[1]))
      expect({ stored, tenant: tenant.id, id: client.id, ref: client.ref }).toEqual({
        stored: true,
        tenant: tenantId,
        ...made,
      })
      expect(client).toMatchObject({ clientId: url, kind: 'app', name: 'An agent', scopes: 'all' })
      expect(client.app).toMatchObject({ type: 'public', metadataUrl: url, refreshIdle: 30 * 86_400 })
      const [entry, ...others] = await actions()
      expect(others).toEqual([])
      expect(entry).toMatchObject({
        ...{ action: 'app.registered_by_document', targetType: 'app', targetId: client.id, actorId: 'mem_test' },
        details: { name: 'An agent', client_id: url },
      })
    })

    test('of ten who consent at once on two nodes, all share one record', async () => {
      await found()
      const made = await Promise.all(Array.from({ length: 10 }, (_, at) => register(nodes[at % 2])))
      expect(new Set(made.map((one) => one?.ref)).size).toBe(1)
      expect(await actions()).toHaveLength(1)
      const scope = { tenantId, mode: 'live' }
      expect(await stores.storage.database.client.count({ where: { ...scope, kind: 'app' } })).toBe(1)
      // The tenant's own, its key's, and this one.
      expect(await stores.storage.database.standing.count({ where: scope })).toBe(3)
    })

    test('it follows its document, on both nodes; scopes and lifetimes stay as an admin set them', async () => {
      const made = await register()
      const there = clientsAt(nodes[1])
      expect((await found(there)).client.app?.redirectUris).toEqual(['http://127.0.0.1/callback'])
      await stores.storage.database.app.updateMany({ where: { metadataUrl: url }, data: { refreshIdle: 60 } })
      const redirect_uris = ['https://agent.example/callback']
      web.extra.set(`/client-${count}`, { client_name: 'A new name', redirect_uris, scope: 'notes:read' })
      stores.clock.advance(HOUR)
      for (const at of [here, there]) {
        const { client } = await found(at)
        expect(client).toMatchObject({ id: made?.id, name: 'A new name', scopes: 'all' })
        expect(client.app).toMatchObject({ redirectUris: redirect_uris, refreshIdle: 60 })
      }
      expect(await actions()).toMatchObject([
        { action: 'app.registered_by_document' },
        { action: 'app.changed_by_document', actorType: 'app', details: { redirect_uris, client_id: url } },
      ])
      expect((await here.findStored(url))?.client.name).toBe('A new name')
    })

    test('§8.4: of two nodes with copies of different age, the later document counts', async () => {
      const there = clientsAt(nodes[1])
      await register()
      stores.clock.advance(HOUR / 2)
      await found(there) // the old document, good for an hour from now
      web.extra.set(`/client-${count}`, { client_name: 'A new name' })
      stores.clock.advance(HOUR / 2)
      expect((await found(here)).client.name).toBe('A new name')
      expect((await found(there)).client.name).toBe('A new name')
      expect((await found(here)).client.name).toBe('A new name')
      expect(await actions()).toHaveLength(2)
    })

    test('a document that says what it said writes nothing', async () => {
      await register()
      const before = await counts()
      stores.clock.advance(HOUR)
      await found()
      expect(web.fetched).toHaveLength(2)
      expect(await counts()).toEqual(before)
    })

    test('disabled by an admin it stays so, whatever its document says (CVE-2026-9705) [attack 85]', async () => {
      const { document } = await found()
      const made = await register()
      if (!made) throw new Error('not registered')
      await revoke(made)
      stores.clock.advance(HOUR)
      web.fetched.length = 0
      for (const at of [here, clientsAt(nodes[1])]) expect(await find(at)).toMatchObject(refusedWith('invalid_client'))
      expect(web.fetched).toEqual([])
      const before = await counts()
      const scope = { tenantId, mode: 'live' as const }
      const again = changeOf(stores)(scope, ADMIN, (transaction) =>
        registerByDocument(transaction, scope, document, new Date(stores.clock.now())),
      )
      expect(await again).toBeUndefined()
      expect(await counts()).toEqual(before)
      expect((await clientsAt(nodes[1]).findStored(url))?.client.revokedAt).toBeDefined()
    })
  })

  describe('at all other endpoints', () => {
    test('a client without a record is nobody, and nothing is fetched', async () => {
      expect(await here.findStored(url)).toBeUndefined()
      expect(web.fetched).toEqual([])
    })

    test('one with a record is known by it', async () => {
      const made = await register()
      web.fetched.length = 0
      const known = await clientsAt(nodes[1]).findStored(url)
      expect(known).toMatchObject({ client: { ...made, clientId: url }, tenant: { id: tenantId } })
      expect(await clientsAt(nodes[1], 'test').findStored(url)).toBeUndefined()
      expect(web.fetched).toEqual([])
    })

    test('where the tenant turned it off again, it is nobody', async () => {
      await register()
      await settle(tenantId, { metadataDocumentClients: false })
      expect(await here.findStored(url)).toBeUndefined()
    })

    test('of several tenants that know it, the one of the code or token', async () => {
      await register()
      const one = tenantId
      const two = (await createTenant(stores)).id
      tenantId = two
      resource = `${resource}/two`
      await addResource(two, resource)
      await settle(two, { metadataDocumentClients: true })
      await register()
      for (const meant of [one, two]) {
        expect((await here.findStored(url, async () => meant))?.tenant.id).toBe(meant)
      }
      expect((await here.findStored(url, async () => undefined))?.client.clientId).toBe(url)
    })
  })
})
