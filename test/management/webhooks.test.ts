import { pino } from 'pino'
import { Webhook } from 'standardwebhooks'
import { beforeAll, describe, expect, test } from 'vitest'
import { EVENTS } from '../../server/webhooks/events.ts'
import { describeDeployment, describeDeployments } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { receiver } from '../webhooks/receiver.ts'
import { expectFields, expectProblem } from './problem.ts'

const PATH = '/v1/webhooks'
const HOOK = { url: 'https://hooks.example/keycourt?token=receivers', events: ['api_key.created'] }

describeDeployments('/v1/webhooks', (open) => {
  let live: Caller
  let sandbox: Caller
  let key: string
  let deployment: TestDeployment
  const logged: string[] = []

  beforeAll(async () => {
    const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) })
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'], log: log as never })
    live = deployment.nodes[0].at('live')
    sandbox = deployment.nodes[1].at('test')
    key = deployment.made.live.api_key
  })

  const made = async (body: object = {}) => {
    const response = await live.api('POST', PATH, key, { ...HOOK, ...body })
    expect(response.status).toBe(201)
    return response.body
  }
  const remove = async (id: string) => expect((await live.api('DELETE', `${PATH}/${id}`, key)).status).toBe(204)

  test('made, got, listed, changed, disabled, enabled, deleted; the secret is shown once', async () => {
    const { secret, ...webhook } = await made({ description: 'To the pager' })
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(webhook).toEqual({
      ...{ id: expect.stringMatching(/^wh_[a-z2-7]{16}$/), ...HOOK, description: 'To the pager', status: 'enabled' },
      ...{ created_at: expect.stringMatching(/Z$/), created_by: expect.any(String) },
      ...{ updated_at: webhook.created_at, disabled_at: null },
    })
    const path = `${PATH}/${webhook.id}`
    expect((await live.api('GET', path, key)).body).toEqual(webhook)
    expect((await live.api('GET', PATH, key)).body.data).toContainEqual(webhook)
    const changes = { url: 'https://other.example/', events: ['*', '*'], description: null }
    const changed = await live.api('PATCH', path, key, changes)
    expect([changed.status, changed.body]).toEqual([200, { ...webhook, ...changes, events: ['*'] }])
    expect((await live.api('PATCH', path, key, { status: 'disabled' })).body).toMatchObject({
      ...{ status: 'disabled', disabled_at: expect.stringMatching(/Z$/) },
    })
    expectProblem(await live.api('POST', `${path}/test`, key), 409, 'conflict')
    const enabled = await live.api('PATCH', path, key, { status: 'enabled' })
    expect(enabled.body).toMatchObject({ status: 'enabled', disabled_at: null })
    const rotated = await live.api('POST', `${path}/rotate-secret`, key)
    expect([rotated.status, rotated.body]).toEqual([200, { ...enabled.body, secret: expect.stringMatching(/^whsec_/) }])
    expect(rotated.body.secret).not.toBe(secret)
    await remove(webhook.id)
    expectProblem(await live.api('GET', path, key), 404, 'not_found')
    expectProblem(await live.api('DELETE', path, key), 404, 'not_found')
    expectProblem(await live.api('POST', `${path}/test`, key), 404, 'not_found')
    expectProblem(await live.api('GET', `${path}/messages`, key), 404, 'not_found')

    const { body, text } = await live.api('GET', `/v1/audit-logs?target=${webhook.id}`, key)
    expect(body.data.map(({ action }: { action: string }) => action)).toEqual([
      ...['deleted', 'secret_rotated', 'enabled', 'disabled', 'changed', 'created'].map((what) => `webhook.${what}`),
    ])
    expect(text).not.toContain('token=receivers')
  })

  test('the server sends by itself: what the audit log shows, and a test on request; and says what came of it', async () => {
    const { url, received, arrived } = await receiver()
    const { id, secret } = await made({ url })
    const other = await receiver()
    const theirs = { ...HOOK, url: other.url, events: ['*'] }
    const test = await sandbox.api('POST', PATH, deployment.made.test.api_key, theirs)
    const createKey = { kind: 'standard', name: 'new' }
    expect((await live.api('POST', '/v1/api-keys', key, createKey)).status).toBe(201)
    await arrived(1)
    const [message] = received as [(typeof received)[number]]
    const { data } = new Webhook(secret).verify(message.body, message.headers) as { data: object }
    const logs = await live.api('GET', '/v1/audit-logs?action=api_key.created&limit=1', key)
    expect(data).toEqual(logs.body.data[0])

    deployment.clock.advance(1_000)
    const sent = await live.api('POST', `${PATH}/${id}/test`, key)
    expect([sent.status, sent.body]).toEqual([
      202,
      {
        ...{ id: expect.stringMatching(/^msg_[a-z2-7]{16}$/), event: 'webhook.test', status: 'pending', attempts: 0 },
        ...{ outcome: null, created_at: sent.body.created_at, next_at: sent.body.created_at, delivered_at: null },
      },
    ])
    await arrived(2)
    const [, second] = received as [unknown, (typeof received)[number]]
    expect(new Webhook(secret).verify(second.body, second.headers)).toEqual({
      ...{ type: 'webhook.test', timestamp: sent.body.created_at, data: { webhook_id: id } },
    })
    expect(second.headers['webhook-id']).toBe(sent.body.id)
    expect(other.received).toEqual([])
    await sandbox.api('DELETE', `${PATH}/${test.body.id}`, deployment.made.test.api_key)

    const resent = await live.api('POST', `${PATH}/${id}/resend`, key, { message_id: sent.body.id })
    expect([resent.status, resent.body]).toEqual([202, { resent: 1 }])
    await arrived(3)
    expect(received[2]?.headers['webhook-id']).toBe(sent.body.id)
    expect((await live.api('POST', `${PATH}/${id}/resend`, key, {})).body).toEqual({ resent: 0 })
    expectFields(await live.api('POST', `${PATH}/${id}/resend`, key, { message_id: 'msg_other' }), '/message_id')
    const messages = await live.api('GET', `${PATH}/${id}/messages`, key)
    expect(messages.body.data.map(({ event }: { event: string }) => event)).toEqual(['webhook.test', 'api_key.created'])
    const first = await live.api('GET', `${PATH}/${id}/messages?limit=1`, key)
    const rest = await live.api('GET', `${PATH}/${id}/messages?cursor=${first.body.next_cursor}`, key)
    expect(rest.body.data).toHaveLength(1)
    await remove(id)
  })

  test('no secret in any answer but the first, in the database or in the log', async () => {
    const { id, secret } = await made()
    const rotated = (await live.api('POST', `${PATH}/${id}/rotate-secret`, key)).body.secret
    const answers = await Promise.all(
      [PATH, `${PATH}/${id}`, `${PATH}/${id}/messages`, '/v1/audit-logs'].map((path) => live.api('GET', path, key)),
    )
    const row = await deployment.storage.database.webhook.findUniqueOrThrow({ where: { id } })
    const seen = [...answers.map(({ text }) => text), JSON.stringify(row), logged.join('')].join('\n')
    for (const each of [secret, rotated]) expect(seen).not.toContain(each.replace('whsec_', '').slice(0, 20))
    await remove(id)
  })

  test('20 and no more, however many are made at once; each mode has its own', async () => {
    const many = await Promise.all(Array.from({ length: 25 }, () => live.api('POST', PATH, key, HOOK)))
    expect(many.filter(({ status }) => status === 201)).toHaveLength(20)
    for (const response of many)
      if (response.status !== 201) expectProblem(response, 409, 'conflict', { detail: expect.any(String) })
    const other = await sandbox.api('POST', PATH, deployment.made.test.api_key, HOOK)
    expect(other.status).toBe(201)
    for (const { status, body } of many) if (status === 201) await remove(body.id)
  })
})

describeDeployment('database', 'what a webhook may be, and whose', (open) => {
  let live: Caller
  let key: string

  beforeAll(async () => {
    const { nodes, made } = await startDeployment(open, { outboundAllow: ['localhost:9999', 'inside.example'] })
    live = nodes[0].at('live')
    key = made.live.api_key
  })

  const URLS: [string, string][] = [
    ['plain http', 'http://hooks.example'],
    ['no URL', 'hooks.example'],
    ['another scheme', 'file:///etc/passwd'],
    ['a user', 'https://me@hooks.example'],
    ['a fragment', 'https://hooks.example/#a'],
    ['this machine', 'https://localhost/'],
    ['this machine, by another name', 'https://a.localhost./'],
    ['this machine, by number', 'https://0x7f.1/'],
    ['the cloud’s metadata', 'https://169.254.169.254/latest'],
    ['an address inside', 'https://[fd00::1]/'],
    ['plain http, by number', 'http://10.0.0.1/'],
    ['letters that look like others', 'https://hооks.example/'],
    ['a line break', 'https://hooks.example/\r\nX-A: b'],
    ['too long', `https://hooks.example/${'a'.repeat(500)}`],
  ]
  test.each(URLS)('%s is no receiver', async (_, url) => {
    expectFields(await live.api('POST', PATH, key, { ...HOOK, url }), '/url')
  })

  test.each(['https://hooks.example/a?b=c', 'https://8.8.8.8/', 'http://localhost:9999/', 'http://inside.example/a'])(
    '%s is one',
    async (url) => {
      const { status, body } = await live.api('POST', PATH, key, { ...HOOK, url })
      expect([status, body.url]).toEqual([201, url])
      const path = `${PATH}/${body.id}`
      expectFields(await live.api('PATCH', path, key, { url: 'http://10.0.0.1' }), '/url')
      expect((await live.api('GET', path, key)).body.url).toBe(url)
      await live.api('DELETE', path, key)
    },
  )

  test.each([
    [[], '/events'],
    [['api_key.eaten'], '/events/0'],
    [['*', 'access_token.minted'], '/events/1'],
    [['webhook.test'], '/events/0'],
    [Array.from({ length: 30 }, () => '*'), '/events'],
    ['*', '/events'],
  ])('events %j: 422', async (events, pointer) => {
    expectFields(await live.api('POST', PATH, key, { ...HOOK, events }), pointer)
  })

  test('all of the catalogue, and nothing that is not a field', async () => {
    const { status, body } = await live.api('POST', PATH, key, { ...HOOK, events: Object.keys(EVENTS) })
    expect(status).toBe(201)
    expectFields(await live.api('POST', PATH, key, { ...HOOK, secret: 'whsec_mine' }), '/secret')
    expectFields(await live.api('PATCH', `${PATH}/${body.id}`, key, { status: 'paused' }), '/status')
  })

  describe('power', () => {
    const keyWith = async (scopes: string[]) =>
      (await live.api('POST', '/v1/api-keys', key, { kind: 'standard', name: 'narrow', scopes })).body.api_key

    test('who may not read the audit log has it sent nowhere', async () => {
      const narrow = await keyWith(['webhooks:read', 'webhooks:write'])
      const { id } = (await live.api('POST', PATH, key, HOOK)).body
      const path = `${PATH}/${id}`
      const answers = [
        await live.api('POST', PATH, narrow, HOOK),
        await live.api('PATCH', path, narrow, { url: 'https://mine.example' }),
        await live.api('PATCH', path, narrow, { events: ['*'] }),
        await live.api('PATCH', path, narrow, { status: 'enabled' }),
        await live.api('POST', `${path}/rotate-secret`, narrow),
      ]
      for (const answer of answers) {
        expectProblem(answer, 403, 'insufficient_scope', { scope: 'audit-logs:read', detail: expect.any(String) })
      }
      expect((await live.api('GET', path, narrow)).status).toBe(200)
      const wide = await keyWith(['webhooks:write', 'audit-logs:read'])
      expect((await live.api('PATCH', path, wide, { url: 'https://mine.example' })).status).toBe(200)
      expectProblem(await live.api('GET', path, wide), 403, 'insufficient_scope', {
        ...{ scope: 'webhooks:read', detail: expect.any(String) },
      })
    })

    test('editors see webhooks, admins make them', async () => {
      const tokenOf = async (role: string) => {
        const user = (await live.api('POST', '/v1/service-users', key, { name: role, role })).body
        return (await live.api('POST', `/v1/service-users/${user.id}/tokens`, key, { name: 'one' })).body.service_token
      }
      const editor = await tokenOf('editor')
      expect((await live.api('GET', PATH, editor)).status).toBe(200)
      expect((await live.api('POST', PATH, editor, HOOK)).body.error).toBe('insufficient_scope')
      expect((await live.api('POST', PATH, await tokenOf('admin'), HOOK)).status).toBe(201)
    })
  })
})
