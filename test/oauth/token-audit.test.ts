import { beforeAll, describe, expect, test } from 'vitest'
import { newPublicId, newStandardKey, splitKey } from '../../server/credentials/format.ts'
import { AUDITED_REJECTIONS } from '../../server/oauth/token-audit.ts'
import { callerAt } from '../command/caller.ts'
import { describeDeployments } from '../deployments.ts'
import { LIVE, startPublicNode } from '../http/nodes.ts'
import { type Caller, type Key, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, setTenantStatus, type TestTenant } from '../tenants.ts'
import { createApp, createPerson, issueCode, type Person, type TestApp } from './people.ts'
import { createProver } from './prover.ts'

/** A secret of the right form, which is another key's. */
const wrongSecret = ({ client_id }: Pick<Key, 'client_id'>): string =>
  splitKey(newStandardKey('live', client_id.slice(3))).clientSecret

interface Entry {
  readonly action: string
  readonly actor: { readonly type: string; readonly id: string; readonly name: string }
  readonly target: { readonly type: string; readonly id: string }
  readonly ip: string
  readonly request_id: string
  readonly details: Readonly<Record<string, unknown>>
}

describeDeployments('token events in the audit log', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let other: Caller
  let admin: string

  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    other = deployment.nodes[1].at('live')
    admin = deployment.made.live.api_key
  })

  const logOf = async (query: string, credential = admin, at = other): Promise<Entry[]> =>
    (await at.api('GET', `/v1/audit-logs?limit=100&${query}`, credential)).body.data

  /** Whoever isn't who they say isn't made to wait for their entry. */
  const rejectionsOf = (id: string, count: number, credential = admin) =>
    expect
      .poll(async () => (await logOf(`action=token.rejected&target=${id}`, credential)).length, { timeout: 5_000 })
      .toBe(count)

  async function newKey(fields: object = {}): Promise<Key & { id: string; name: string; api_key: string }> {
    const { status, body } = await live.api('POST', '/v1/api-keys', admin, {
      kind: 'standard',
      name: 'minter',
      ...fields,
    })
    expect(status).toBe(201)
    return body
  }

  test('a mint: by whom, of what, and on every node at once', async () => {
    const key = await newKey()
    const { body, headers } = await live.token(key, { scope: 'api-keys:read' })
    const [entry] = await logOf(`actor=${key.id}`)
    const { jti } = (await live.introspect(deployment.made.live, body.access_token)).body
    expect(entry).toEqual({
      ...{
        id: expect.stringMatching(/^evt_/),
        at: new Date(deployment.clock.now()).toISOString(),
        action: 'token.minted',
      },
      ...{ actor: { type: 'api_key', id: key.id, name: 'minter' }, target: { type: 'access_token', id: jti } },
      ...{ ip: expect.stringMatching(/127\.0\.0\.1$/), request_id: headers['x-request-id'] },
      details: {
        ...{ sandbox: false, grant_type: 'client_credentials', client_id: key.client_id, jti, scope: 'api-keys:read' },
        ...{ resource: live.issuer, token_type: 'Bearer', expires_in: 3600 },
      },
    })
    expect(JSON.stringify(entry)).not.toContain(body.access_token.slice(-49, -6))
  })

  test('seed: knoxcall-oauth-and-api-keys: at the sandbox it says sandbox: true, and is no part of the live log', async () => {
    const sandbox = deployment.nodes[0].at('test')
    const { api_key, ...pair } = deployment.made.test
    const { access_token } = (await sandbox.token(pair)).body
    const { jti } = (await sandbox.introspect(pair, access_token)).body
    const [entry] = (await sandbox.api('GET', `/v1/audit-logs?target=${jti}&sandbox=true`, api_key)).body.data
    expect(entry).toMatchObject({ action: 'token.minted', details: { sandbox: true } })
    expect(await logOf(`target=${jti}`)).toEqual([])
  })

  test('100 mints at once over two nodes: 100 entries, each once [attack 80]', async () => {
    const key = await newKey()
    const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => (at % 2 ? live : other).token(key)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const entries = await logOf(`action=token.*&actor=${key.id}`)
    expect(new Set(entries.map(({ request_id }) => request_id))).toEqual(
      new Set(answers.map(({ headers }) => headers['x-request-id'])),
    )
    expect(entries).toHaveLength(100)
  })

  test('a revocation follows its mint', async () => {
    const key = await newKey()
    const { access_token } = (await live.token(key)).body
    await live.revoke(key, access_token)
    const entries = await logOf(`actor=${key.id}`)
    expect(entries.map(({ action }) => action)).toEqual(['access_token.revoked', 'token.minted'])
    expect(entries[0]?.target).toEqual(entries[1]?.target)
  })

  test('what a node minted by an old copy of a revoked key says that nobody got it', async () => {
    const key = await newKey()
    expect((await other.token(key)).status).toBe(200)
    await live.api('DELETE', `/v1/api-keys/${key.id}`, admin)
    const { status, headers } = await other.token(key)
    expect(status).toBe(401)
    await rejectionsOf(key.id, 1)
    const entries = (await logOf(`actor=${key.id}`)).filter(({ request_id }) => request_id === headers['x-request-id'])
    const ofTokens = entries.filter(({ action }) => action !== 'token.rejected')
    // One node has no old copy: it was the one that revoked.
    const isOneNode = deployment.nodes[0] === deployment.nodes[1]
    if (isOneNode && !ofTokens.length) return
    expect(ofTokens.map(({ action }) => action)).toEqual(['token.discarded', 'token.minted'])
    expect(ofTokens[0]?.target).toEqual(ofTokens[1]?.target)
  })

  test('a refusal of somebody unproven has its entry with the time at which it was, and a node that stops writes it first', async () => {
    const key = await newKey()
    const at = deployment.clock.now()
    const { node, port } = await startPublicNode(deployment)
    const { status } = await callerAt(port, LIVE).token({ ...key, client_secret: wrongSecret(key) })
    expect(status).toBe(401)
    deployment.clock.advance(1_000)
    await node.stop()
    const [entry] = (await logOf(`action=token.rejected&target=${key.id}`)) as (Entry & { at: string })[]
    expect(entry).toMatchObject({ at: new Date(at).toISOString(), details: { reason: 'wrong_secret' } })
  })

  describe('of a person by an app', () => {
    let person: Person
    let app: TestApp

    beforeAll(async () => {
      person = await createPerson(deployment)
      app = await createApp(live, admin, { refresh_retry_window: 60 })
    })

    test('minted by the code, refreshed, and retried', async () => {
      const code = await issueCode(deployment, person, app, { resource: live.issuer })
      const form = (fields: object) => live.form('/oauth/token', { client_id: app.client_id, ...fields } as never)
      const first = (await form({ grant_type: 'authorization_code', ...code })).body
      const refresh = () => form({ grant_type: 'refresh_token', refresh_token: first.refresh_token })
      expect([(await refresh()).status, (await refresh()).status]).toEqual([200, 200])
      const entries = await logOf(`actor=${app.id}`)
      expect(entries.map(({ action }) => action)).toEqual(['refresh_token.retried', 'token.refreshed', 'token.minted'])
      const [retried, refreshed, minted] = entries as [Entry, Entry, Entry]
      const family = { type: 'refresh_family', id: expect.stringMatching(/^fam_/) }
      expect(retried.target).toEqual(family)
      for (const { actor, details } of entries) {
        expect(actor).toEqual({ type: 'app', id: app.id, name: expect.any(String) })
        expect(details).toMatchObject({ member_id: person.id, family_id: retried.target.id, sandbox: false })
      }
      expect([minted, refreshed].map(({ details }) => details.grant_type)).toEqual([
        'authorization_code',
        'refresh_token',
      ])
      for (const secret of [first.access_token, first.refresh_token]) {
        expect(JSON.stringify(entries)).not.toContain(secret.slice(-40, -6))
      }
    })

    test('a code that is none is rejected', async () => {
      const before = (await logOf(`action=token.rejected&target=${app.id}`)).length
      const form = {
        grant_type: 'authorization_code',
        client_id: app.client_id,
        code: 'x',
        code_verifier: 'y'.repeat(43),
      }
      expect((await live.form('/oauth/token', form)).status).toBe(400)
      const [entry, ...rest] = await logOf(`action=token.rejected&target=${app.id}`)
      expect(entry?.details).toMatchObject({ error: 'invalid_grant', grant_type: 'authorization_code' })
      expect(rest).toHaveLength(before)
    })
  })

  describe('rejections', () => {
    test('of a client that proved who it is: scope, grant and proof, with the reason', async () => {
      const key = await newKey({ scopes: ['api-keys:read'], require_dpop: true })
      const prover = await createProver(() => deployment.clock.now())
      const proof = await prover.prove('GET', `${live.issuer}/oauth/token`).catch(() => 'not a proof')
      for (const [form, headers, details] of [
        [{ scope: 'apps:write' }, {}, { error: 'invalid_dpop_proof' }],
        [{ grant_type: 'a\u0000b' }, {}, { error: 'unsupported_grant_type', grant_type: 'a\ufffdb' }],
        [{}, { dpop: proof }, { error: 'invalid_dpop_proof' }],
      ] as const) {
        expect((await live.token(key, form, headers)).status).toBe(400)
        const [entry] = await logOf(`action=token.rejected&target=${key.id}`)
        expect(entry?.details).toMatchObject({ client_id: key.client_id, sandbox: false, ...details })
      }
      const wide = await newKey({ scopes: ['api-keys:read'] })
      await live.token(wide, { scope: 'apps:write' })
      const [entry] = await logOf(`action=token.rejected&target=${wide.id}`)
      expect(entry).toMatchObject({
        actor: { type: 'api_key', id: wide.id },
        details: { error: 'invalid_scope', reason: 'invalid_scope', grant_type: 'client_credentials' },
      })
    })

    test('of a revoked key, one with another secret, and one of a paused tenant', async () => {
      const key = await newKey()
      const forged = await newKey()
      await live.api('DELETE', `/v1/api-keys/${key.id}`, admin)
      expect((await live.token(key)).status).toBe(401)
      await rejectionsOf(key.id, 1)
      expect((await logOf(`action=token.rejected&target=${key.id}`))[0]?.details).toMatchObject({ reason: 'revoked' })

      const wrong = { client_id: forged.client_id, client_secret: wrongSecret(forged) }
      expect((await live.token(wrong)).status).toBe(401)
      await rejectionsOf(forged.id, 1)
      const [entry] = await logOf(`action=token.rejected&target=${forged.id}`)
      expect(entry?.details).toMatchObject({ reason: 'wrong_secret', error: 'invalid_client' })
      expect(JSON.stringify(entry)).not.toContain(wrong.client_secret)

      const paused = await createTenant(deployment)
      await setTenantStatus(deployment, paused.id, 'paused')
      expect((await live.token(paused.keys.live)).status).toBe(403)
      await setTenantStatus(deployment, paused.id, 'active')
      const { id } = (await live.api('GET', '/v1/me', paused.keys.live.api_key)).body.credential
      await rejectionsOf(id, 1, paused.keys.live.api_key)
    })

    test('of nobody that we know: none, in nobody’s log', async () => {
      const count = () => deployment.storage.database.auditEntry.count({ where: { action: 'token.rejected' } })
      await deployment.nodes[0].node.drainEvents()
      const before = await count()
      const { clientId, clientSecret } = splitKey(newStandardKey('live', newPublicId()))
      expect((await live.token({ client_id: clientId, client_secret: clientSecret })).status).toBe(401)
      await deployment.nodes[0].node.drainEvents()
      expect(await count()).toBe(before)
    })

    test('a flood fills no log, and keeps nobody from a token', async () => {
      const key = await newKey({ scopes: ['api-keys:read'] })
      const { ofNetwork } = AUDITED_REJECTIONS
      for (let sent = 0; sent < ofNetwork + 5; sent++) await live.token(key, { scope: 'apps:write' })
      const entries = await logOf(`action=token.rejected&target=${key.id}`)
      expect(entries).toHaveLength(ofNetwork)
      expect(entries[0]?.details.more).toBe('further rejections of this minute have no entry')
      expect((await live.token(key)).status).toBe(200)
      deployment.clock.advance(61_000)
    })
  })

  test('of one tenant no other hears', async () => {
    const tenant: TestTenant = await createTenant(deployment)
    await live.token(tenant.keys.live)
    await live.token(deployment.made.live)
    const entries = await logOf('action=token.minted', tenant.keys.live.api_key)
    expect(entries).toHaveLength(1)
  })
})
