import { connect } from 'node:net'
import { beforeAll, describe, expect, test } from 'vitest'
import { createDigests } from '../../server/credentials/digest.ts'
import { createIdempotency } from '../../server/management/idempotency.ts'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant } from '../tenants.ts'
import { expectProblem } from './problem.ts'

const DAY = 86_400_000

let keys = 0
const newKey = () => `attempt-${++keys}`

const body = (name: string) => ({ kind: 'standard', name, scopes: ['apps:read'] })

describeDeployments('Idempotency-Key', (open) => {
  let deployment: TestDeployment
  let nodes: readonly [Caller, Caller]
  let credential: string
  beforeAll(async () => {
    deployment = await startDeployment(open)
    nodes = [deployment.nodes[0].at('live'), deployment.nodes[1].at('live')]
    credential = deployment.made.live.api_key
  })

  const create = (node: Caller, key: string, name: string, as = credential) =>
    node.api('POST', '/v1/api-keys', as, body(name)).set('Idempotency-Key', key)

  const countOf = (name: string) => deployment.storage.database.client.count({ where: { name } })

  test('of 20 at once on two nodes one makes the record, and all who are answered hear the same', async () => {
    const key = newKey()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => create(nodes[at % 2] as Caller, key, 'One of twenty')),
    )
    const made = answers.filter(({ status }) => status === 201)
    expect(made.length).toBeGreaterThan(0)
    expect(new Set(made.map(({ text }) => text)).size).toBe(1)
    for (const answer of answers) if (answer.status !== 201) expectProblem(answer, 409, 'conflict')
    expect(await countOf('One of twenty')).toBe(1)
  })

  test('who asks again, at another node, gets the secret that was shown once, and the same tag', async () => {
    const key = newKey()
    const first = await create(nodes[0], key, 'Twice')
    const again = await create(nodes[1], key, 'Twice')
    expect([again.status, again.text, again.headers.etag]).toEqual([201, first.text, first.headers.etag])
    expect((await nodes[0].api('GET', '/v1/me', again.body.api_key)).status).toBe(200)
    expect(await countOf('Twice')).toBe(1)
  })

  test('nothing of it can be read in the table', async () => {
    const key = newKey()
    const { body: made } = await create(nodes[0], key, 'Unreadable')
    const rows = JSON.stringify(await deployment.storage.database.idempotentRequest.findMany())
    for (const secret of [key, made.api_key, made.client_secret, made.id, credential, 'Unreadable']) {
      expect(rows).not.toContain(secret)
    }
  })
})

describeDeployment('database', 'a repeated request', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let credential: string
  beforeAll(async () => {
    deployment = await startDeployment(open)
    live = deployment.nodes[0].at('live')
    credential = deployment.made.live.api_key
  })

  const send = (key: string, path: string, sent: object, as = credential) =>
    live.api('POST', path, as, sent).set('Idempotency-Key', key)
  const create = (key: string, name: string, as?: string) => send(key, '/v1/api-keys', body(name), as)
  const rows = () => deployment.storage.database.idempotentRequest.count()
  const countOf = (name: string) => deployment.storage.database.client.count({ where: { name } })

  /** Sends it, and is gone while it is being done. */
  async function abandon(key: string, name: string): Promise<void> {
    const { database } = deployment.storage
    const sent = JSON.stringify(body(name))
    const head = ['POST /v1/api-keys HTTP/1.1', `Host: ${new URL(live.issuer).host}`, 'Content-Type: application/json']
    const rest = [`Authorization: Bearer ${credential}`, `Idempotency-Key: ${key}`, `Content-Length: ${sent.length}`]
    await database.$transaction(async (transaction) => {
      await transaction.auditHead.updateMany({ data: { seq: { increment: 0 } } })
      const socket = connect(Number(new URL(live.issuer).port), '127.0.0.1')
      socket.write([...head, ...rest, '', sent].join('\r\n'))
      const waiting = () => database.$queryRaw<{ n: bigint }[]>`
        SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      await expect.poll(async () => Number((await waiting())[0]?.n)).toBe(1)
      socket.destroy()
    })
  }

  test('after a connection that broke the retry gives the secret', async () => {
    const key = newKey()
    await abandon(key, 'Abandoned')
    const answers = async () => (await create(key, 'Abandoned')).status
    await expect.poll(answers, { timeout: 5_000 }).toBe(201)
    const { body: made } = await create(key, 'Abandoned')
    expect((await live.api('GET', '/v1/me', made.api_key)).body.client.id).toBe(made.id)
    expect(await countOf('Abandoned')).toBe(1)
  })

  test('the same key with another body, or at another path, is refused', async () => {
    const key = newKey()
    await create(key, 'First')
    expectProblem(await create(key, 'Second'), 422, 'validation_failed')
    const app = { name: 'First', type: 'public', redirect_uris: ['https://app.example/cb'] }
    expectProblem(await send(key, '/v1/apps', app), 422, 'validation_failed')
    expect(await countOf('Second')).toBe(0)
  })

  test('how the body is written makes no difference', async () => {
    const key = newKey()
    const first = await create(key, 'Spaces')
    const { kind, name, scopes } = body('Spaces')
    const again = await live
      .api('POST', '/v1/api-keys', credential)
      .set({ 'Idempotency-Key': key, 'Content-Type': 'application/json' })
      .send(`{ "scopes": ${JSON.stringify(scopes)},\n "name": "${name}", "kind": "${kind}" }`)
    expect(again.text).toBe(first.text)
  })

  test('another client’s key is another key', async () => {
    const key = newKey()
    const other = await createTenant(deployment)
    const first = await create(key, 'Mine')
    const theirs = await create(key, 'Mine', other.keys.live.api_key)
    expect([theirs.status, theirs.body.id === first.body.id]).toEqual([201, false])
  })

  test('with another credential of the same client: that it was made, and no secret', async () => {
    const key = newKey()
    const tokens = await Promise.all([live.token(deployment.made.live), live.token(deployment.made.live)])
    const [one, other] = tokens.map((minted) => minted.body.access_token as string)
    const made = await create(key, 'By token', one)
    expect(made.status).toBe(201)
    const again = await create(key, 'By token', other)
    expectProblem(again, 409, 'conflict')
    expect(again.text).not.toContain(made.body.client_secret)
    expect((await create(key, 'By token', one)).text).toBe(made.text)
    expect(await countOf('By token')).toBe(1)
  })

  test('what is of both modes is made once as well', async () => {
    const key = newKey()
    const invite = () => send(key, '/v1/members/invitations', { email: 'once@example.com', role: 'member' })
    const first = await invite()
    expect([first.status, (await invite()).text]).toEqual([201, first.text])
    expect(await deployment.storage.database.invitation.count({ where: { email: 'once@example.com' } })).toBe(1)
  })

  test('who may not do it any more isn’t told what came of it', async () => {
    const scopes = ['api-keys:read', 'api-keys:write', 'apps:read']
    const { body: narrowed } = await live.api('POST', '/v1/api-keys', credential, { ...body('Narrowed'), scopes })
    const key = newKey()
    expect((await create(key, 'By the narrowed', narrowed.api_key)).status).toBe(201)
    await live.api('PATCH', `/v1/api-keys/${narrowed.id}`, credential, { scopes: ['apps:read'] })
    expectProblem(await create(key, 'By the narrowed', narrowed.api_key), 403, 'insufficient_scope', {
      scope: 'api-keys:write',
    })
  })

  test('an action is done once: a secret is rotated once', async () => {
    const app = { name: 'Rotates', type: 'confidential', redirect_uris: ['https://app.example/cb'] }
    const { body: made } = await live.api('POST', '/v1/apps', credential, app)
    const key = newKey()
    const rotate = () => send(key, `/v1/apps/${made.id}/rotate-secret`, {})
    const first = await rotate()
    expect([first.status, (await rotate()).text]).toEqual([200, first.text])
  })

  test('what is refused claims nothing, so that it can be sent again when it is right', async () => {
    const before = await rows()
    const key = newKey()
    expect((await send(key, '/v1/api-keys', { kind: 'standard' })).status).toBe(422)
    expectProblem(await send(key, '/v1/apps/app_aaaaaaaaaaaa/rotate-secret', {}), 404, 'not_found')
    const resource = { identifier: 'https://once.example', name: 'Once', scopes: ['once:read'] }
    expect((await live.api('POST', '/v1/resources', credential, resource)).status).toBe(201)
    expectProblem(await send(key, '/v1/resources', resource), 409, 'conflict')
    expect(await rows()).toBe(before)
    expect((await create(key, 'Right at last')).status).toBe(201)
  })

  test('one whose answer was never kept: 409, to be tried again', async () => {
    const key = newKey()
    await create(key, 'Crashed')
    await deployment.storage.database.idempotentRequest.updateMany({ data: { status: null, sealedAnswer: null } })
    const again = await create(key, 'Crashed')
    expectProblem(again, 409, 'conflict')
    expect(again.headers['retry-after']).toBe('1')
  })

  test.each(['', ' ', 'a b', 'ä', 'x'.repeat(256)])('"%s" is no key', async (key) => {
    expectProblem(await create(key, 'No key'), 400, 'validation_failed')
    expect(await countOf('No key')).toBe(0)
  })

  test('of 255 characters it is one; a GET or DELETE has no use for it', async () => {
    expect((await create('x'.repeat(255), 'Long')).status).toBe(201)
    const got = await live.api('GET', '/v1/me', credential).set('Idempotency-Key', 'a b')
    expect(got.status).toBe(200)
  })

  describe('after a day', () => {
    test('its row is swept, and that of today is not', async () => {
      const { storage, clock, masterKeys } = deployment
      await create(newKey(), 'Yesterday')
      clock.advance(DAY)
      const today = newKey()
      const kept = await create(today, 'Today')
      const digests = createDigests(masterKeys)
      const { sweep } = createIdempotency({ mode: 'live', database: storage.database, digests, clock })
      expect(await sweep(1)).toBe(1)
      await sweep(500)
      expect(await rows()).toBe(1)
      expect((await create(today, 'Today')).text).toBe(kept.text)
    })

    test('it is a new request, swept or not', async () => {
      const key = newKey()
      const first = await create(key, 'A day')
      deployment.clock.advance(DAY - 1)
      expect((await create(key, 'A day')).text).toBe(first.text)
      deployment.clock.advance(1)
      const second = await create(key, 'A day')
      expect([second.status, second.body.id === first.body.id]).toEqual([201, false])
      expect((await create(key, 'A day')).text).toBe(second.text)
    })
  })
})
