import { createHmac } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { beforeAll, describe, expect, test } from 'vitest'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { CannotOpen } from '../../server/credentials/sealed-at-rest.ts'
import { nextAttemptAt } from '../../server/webhooks/schedule.ts'
import { openSecrets, resealSecrets } from '../../server/webhooks/secrets.ts'
import { createMessageSweep } from '../../server/webhooks/sweep.ts'
import { deleteWebhook, rotateWebhookSecret } from '../../server/webhooks/webhooks.ts'
import { describeDeployments } from '../deployments.ts'
import { createTenant } from '../tenants.ts'
import { receiver } from './receiver.ts'
import { KEY_CREATED, ORIGIN, openWorld, type World } from './world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Standard Webhooks 1.0.0, "Signature scheme", made by hand: the reference library refuses a clock of ours. */
const signatureBy = (secret: string, { headers, body }: { headers: Record<string, string>; body: string }) =>
  `v1,${createHmac('sha256', Buffer.from(secret.replace('whsec_', ''), 'base64'))
    .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
    .digest('base64')}`

describeDeployments('webhook delivery', (open) => {
  let world: World
  beforeAll(async () => {
    world = await openWorld(open)
  })

  describe('what is sent', () => {
    test('the audit entry, signed so that the reference library of Standard Webhooks accepts it', async () => {
      const { url, received } = await receiver()
      const { id, secret } = await world.listen(url, ['api_key.created'])
      await world.happen()
      await world.delivery().round()
      expect(received).toHaveLength(1)
      const { headers, body } = received[0] as (typeof received)[number]
      expect(headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'keycourt' })

      const payload = new Webhook(secret).verify(body, headers) as { data: { id: string } }
      expect(() => new Webhook(secret).verify(body.replace('made', 'mode'), headers)).toThrow()
      expect(() => new Webhook(secret).verify(body, { ...headers, 'webhook-id': 'msg_other' })).toThrow()
      const entry = await world.database.auditEntry.findUniqueOrThrow({ where: { id: payload.data.id } })
      expect(payload).toEqual({
        type: 'api_key.created',
        timestamp: entry.at.toISOString(),
        data: {
          ...{ id: entry.id, at: entry.at.toISOString(), action: 'api_key.created', actor: ORIGIN.actor },
          ...{ target: KEY_CREATED.target, ip: ORIGIN.ip, request_id: ORIGIN.requestId, details: entry.details },
        },
      })
      const [message] = await world.messagesOf(id)
      expect(message).toMatchObject({ id: headers['webhook-id'], attempts: 1, outcome: '204', nextAt: null })
      expect(message?.deliveredAt?.getTime()).toBe(world.clock.now())
    })

    test('to nobody who did not ask: other events, another mode, another tenant, disabled', async () => {
      const { url, received } = await receiver()
      await world.listen(url, ['credential.leaked'])
      await world.listen(url, ['*'], { ...world.scope, mode: 'test' })
      const other = await createTenant(world.stores)
      await world.listen(url, ['*'], { tenantId: other.id, mode: 'live' })
      const off = await world.listen(url, ['*'])
      await world.update(off.id, { disabled: true })
      await world.happen()
      await world.happen({ ...KEY_CREATED, action: 'access_token.minted' }) // not in the catalogue
      await world.delivery().round()
      expect(received).toEqual([])
      expect(await world.messagesOf(off.id)).toEqual([])
    })

    test('a change of the whole tenant is told to the webhooks of both modes, each with its own entry', async () => {
      const { url, received } = await receiver()
      await world.listen(url)
      await world.listen(url, ['*'], { ...world.scope, mode: 'test' })
      const event = { ...KEY_CREATED, action: 'member.removed' }
      await world.change({ tenantId: world.tenant.id }, ORIGIN, async () => ({ result: undefined, events: [event] }))
      await world.delivery().round()
      expect(received.map(({ body }) => JSON.parse(body).data.details.sandbox).sort()).toEqual([false, true])
    })

    test('nothing of a change that was not made', async () => {
      const { url, received } = await receiver()
      const { id } = await world.listen(url)
      await expect(
        world.change(world.scope, ORIGIN, async () => {
          return { result: undefined, events: [KEY_CREATED], moved: [{ ref: 'nobody', kill: false }] }
        }),
      ).rejects.toThrow()
      expect(await world.messagesOf(id)).toEqual([])
      await world.delivery().round()
      expect(received).toEqual([])
    })

    test('by both secrets for a day after a rotation', async () => {
      const { url, received } = await receiver()
      const { id, secret } = await world.listen(url)
      const { secret: next } = (await world.change(world.scope, ORIGIN, (transaction) =>
        rotateWebhookSecret(transaction, world.masterKeys, id, new Date(world.clock.now())),
      )) as { secret: string }
      const delivery = world.delivery()
      await world.happen()
      await delivery.round()
      const [both] = received as [(typeof received)[number]]
      expect(both.headers['webhook-signature']).toBe(`${signatureBy(next, both)} ${signatureBy(secret, both)}`)
      world.clock.advance(DAY)
      await world.happen()
      await delivery.round()
      const [, one] = received as [unknown, (typeof received)[number]]
      expect(one.headers['webhook-signature']).toBe(signatureBy(next, one))
    })
  })

  describe('again and again', () => {
    test('by the schedule of Standard Webhooks, under the same id, signed anew; then given up', async () => {
      const { url, received } = await receiver(500)
      const { id, secret } = await world.listen(url)
      const delivery = world.delivery()
      await world.happen()
      const delays = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR)]
      for (const [made, delay] of delays.entries()) {
        await delivery.round()
        expect(received).toHaveLength(made + 1)
        const [message] = await world.messagesOf(id)
        expect(message).toMatchObject({ attempts: made + 1, outcome: '500', deliveredAt: null })
        expect(message?.nextAt?.getTime()).toBe(world.clock.now() + delay)
        world.clock.advance(delay - 1)
        await delivery.round()
        expect(received).toHaveLength(made + 1)
        world.clock.advance(1)
      }
      await delivery.round()
      expect(received).toHaveLength(10)
      expect((await world.messagesOf(id))[0]).toMatchObject({ attempts: 10, nextAt: null, deliveredAt: null })
      world.clock.advance(2 * DAY)
      await delivery.round()
      expect(received).toHaveLength(10)

      expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
      expect(new Set(received.map(({ body }) => body)).size).toBe(1)
      expect(new Set(received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(10)
      for (const each of received) expect(each.headers['webhook-signature']).toBe(signatureBy(secret, each))
    })

    test('until it arrives', async () => {
      const answers = [503, 429, 200]
      const { url, received } = await receiver(() => answers.shift() ?? 200)
      const { id } = await world.listen(url)
      const delivery = world.delivery()
      await world.happen()
      for (const delay of [5 * SECOND, 5 * MINUTE, DAY]) {
        await delivery.round()
        world.clock.advance(delay)
      }
      await delivery.round()
      expect(received).toHaveLength(3)
      expect((await world.messagesOf(id))[0]).toMatchObject({ attempts: 3, outcome: '200', nextAt: null })
    })

    test('after a crash in the middle of it, when the lease has ended, by another node', async () => {
      const { url, received, arrived } = await receiver((response) => void (received.length > 1 && response.end()))
      const { id } = await world.listen(url)
      await world.happen()
      const dying = world.delivery(0)
      await dying.begin()
      await arrived(1)
      await dying.stop()
      const other = world.delivery(1)
      await other.round()
      expect(received).toHaveLength(1)
      world.clock.advance(MINUTE)
      await other.round()
      expect(received).toHaveLength(2)
      expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
      expect((await world.messagesOf(id))[0]).toMatchObject({ attempts: 2, outcome: '200' })
    })

    test('a node that was slower than its lease has no say any more in what came of it', async () => {
      const first: ServerResponse[] = []
      const answerLater = (response: ServerResponse) => void first.push(response)
      const { url, received, arrived } = await receiver(() => (received.length === 1 ? answerLater : 204))
      const { id } = await world.listen(url)
      await world.happen()
      const slow = world.delivery(0)
      const round = slow.round()
      await arrived(1)
      world.clock.advance(MINUTE)
      await world.delivery(1).round()
      expect(received).toHaveLength(2)
      const [delivered] = await world.messagesOf(id)
      expect(delivered).toMatchObject({ attempts: 2, outcome: '204', nextAt: null })
      first[0]?.writeHead(500).end()
      await round
      expect(await world.messagesOf(id)).toEqual([delivered])
    })

    test('of two nodes at it together, each message is sent by one', async () => {
      const { url, received } = await receiver()
      await world.listen(url)
      await world.listen(url)
      for (let made = 0; made < 20; made++) await world.happen()
      const nodes = [world.delivery(0), world.delivery(1), world.delivery(1)]
      await Promise.all(nodes.map((node) => node.round()))
      await nodes[0]?.round()
      expect(received).toHaveLength(40)
      expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(40)
    })
  })

  describe('receivers that do not want it', () => {
    test('410 Gone: disabled at once, with an entry by the system, and never asked again', async () => {
      const { url, received } = await receiver(410)
      const { id } = await world.listen(url)
      const delivery = world.delivery()
      await world.happen()
      await delivery.round()
      expect((await world.webhookOf(id)).disabledAt).not.toBeNull()
      expect((await world.messagesOf(id))[0]).toMatchObject({ outcome: '410', nextAt: null, deliveredAt: null })
      const [entry] = await world.database.auditEntry.findMany({ where: { targetId: id, action: 'webhook.disabled' } })
      expect(entry).toMatchObject({ actorType: 'system', details: { reason: 'gone' } })
      expect(JSON.stringify(entry)).not.toContain('token=receivers')
      await world.happen()
      world.clock.advance(DAY)
      await delivery.round()
      expect(received).toHaveLength(1)
    })

    test('five days of nothing but failure: disabled, and the tenant’s other webhooks hear of it', async () => {
      const bad = await receiver(500)
      const good = await receiver()
      const { id } = await world.listen(bad.url, ['api_key.created'])
      await world.listen(good.url, ['webhook.disabled'])
      const nodes = [world.delivery(0), world.delivery(1)]
      const fail = async () => {
        await world.happen()
        await Promise.all(nodes.map((node) => node.round()))
      }
      await fail()
      world.clock.advance(5 * DAY - SECOND)
      await fail()
      expect((await world.webhookOf(id)).disabledAt).toBeNull()
      world.clock.advance(2 * SECOND)
      await Promise.all([world.happen(), world.happen()])
      await Promise.all(nodes.map((node) => node.round()))
      expect((await world.webhookOf(id)).disabledAt).not.toBeNull()
      expect(await world.database.auditEntry.count({ where: { targetId: id, action: 'webhook.disabled' } })).toBe(1)
      expect(good.received.map(({ body }) => JSON.parse(body).data.details.reason)).toEqual(['failing'])

      // What it failed before doesn't count once somebody enabled it again.
      await world.update(id, { disabled: false })
      await fail()
      expect((await world.webhookOf(id)).disabledAt).toBeNull()
    })

    test('one success in between, and it goes on', async () => {
      let status = 500
      const { url } = await receiver(() => status)
      const { id } = await world.listen(url)
      const delivery = world.delivery()
      for (const [day, answer] of [500, 500, 500, 200, 500, 500, 500].entries()) {
        status = answer
        await world.happen({ ...KEY_CREATED, target: { type: 'api_key', id: `key_${day}` } })
        await delivery.round()
        world.clock.advance(DAY)
      }
      expect((await world.webhookOf(id)).disabledAt).toBeNull()
    })

    test('a redirect is not followed', async () => {
      const trap = await receiver()
      const { url } = await receiver((response) => void response.writeHead(307, { location: trap.url }).end())
      const { id } = await world.listen(url)
      await world.happen()
      await world.delivery().round()
      expect(trap.received).toEqual([])
      expect((await world.messagesOf(id))[0]).toMatchObject({ outcome: 'redirect', deliveredAt: null })
    })

    test('nobody there', async () => {
      const { id } = await world.listen('http://127.0.0.1:9/')
      await world.happen()
      await world.delivery().round()
      expect((await world.messagesOf(id))[0]).toMatchObject({ outcome: 'unreachable' })
    })

    test('no address inside the network, unless the operator allows it', async () => {
      const { url, received } = await receiver()
      const plain = await world.listen(url)
      const secure = await world.listen(url.replace('http:', 'https:'))
      const metadata = await world.listen('https://169.254.169.254/latest')
      await world.happen()
      await world.delivery(0, { allow: [] }).round()
      expect(received).toEqual([])
      const outcomes = [plain, secure, metadata].map(async ({ id }) => (await world.messagesOf(id))[0]?.outcome)
      expect(await Promise.all(outcomes)).toEqual(['not https', 'private address', 'private address'])
    })

    test('one that hangs delays no other, and is left in the end', async () => {
      const hanging = await receiver(() => () => {})
      const { url, received } = await receiver()
      const { id } = await world.listen(hanging.url)
      await world.listen(url)
      const other = await createTenant(world.stores)
      const theirs = { tenantId: other.id, mode: 'live' as const }
      await world.listen(url, ['*'], theirs)
      for (let made = 0; made < 5; made++) await world.happen()
      await world.happen(KEY_CREATED, theirs)
      const delivery = world.delivery(0, { timeout: 1_000 })
      const round = delivery.round()
      await hanging.arrived(2)
      expect((await world.messagesOf(id)).filter(({ attempts }) => attempts).length).toBe(2) // at once, and no more
      await round
      expect(received).toHaveLength(6)
      expect(new Set((await world.messagesOf(id)).map(({ outcome }) => outcome))).toEqual(new Set(['timeout']))
    })
  })

  test('tenants whose receivers hang, however much waits for them, leave room for the next', async () => {
    const hanging = await receiver(() => () => {})
    for (let each = 0; each < 5; each++) {
      const theirs = { tenantId: (await createTenant(world.stores)).id, mode: 'live' as const }
      for (let webhook = 0; webhook < 4; webhook++) await world.listen(hanging.url, ['*'], theirs)
      for (let made = 0; made < 3; made++) await world.happen(KEY_CREATED, theirs)
    }
    const delivery = world.delivery()
    await delivery.begin()
    world.clock.advance(MINUTE / 60)
    const { url, arrived } = await receiver()
    await world.listen(url)
    await world.happen()
    await delivery.begin()
    await arrived(1)
  })

  test('disabled in between, what waits is held, and sent when it is enabled', async () => {
    const { url, received } = await receiver()
    const { id } = await world.listen(url)
    await world.happen()
    await world.update(id, { disabled: true })
    const delivery = world.delivery()
    await delivery.round()
    expect(received).toEqual([])
    await world.update(id, { disabled: false })
    await delivery.round()
    expect(received).toHaveLength(1)
  })

  test('webhooks come and go while things happen: no change fails for that, and no message outlives its webhook', async () => {
    const { url } = await receiver()
    const webhooks = await Promise.all(Array.from({ length: 6 }, () => world.listen(url)))
    const remove = (id: string) => world.change(world.scope, ORIGIN, (transaction) => deleteWebhook(transaction, id))
    const all = webhooks.flatMap(({ id }) => [world.happen(), remove(id), world.happen()])
    expect((await Promise.allSettled(all)).filter(({ status }) => status === 'rejected')).toEqual([])
    expect(await world.database.webhookMessage.count()).toBe(0)
  })

  test('what is 30 days old is swept', async () => {
    const { url } = await receiver()
    const { id } = await world.listen(url)
    await world.happen()
    await world.delivery().round()
    const sweep = createMessageSweep({ database: world.database, clock: world.clock })
    world.clock.advance(30 * DAY - 1)
    await sweep.sweep(500)
    expect(await world.messagesOf(id)).toHaveLength(1)
    world.clock.advance(1)
    expect(await sweep.sweep(500)).toBe(1)
    expect(await world.messagesOf(id)).toEqual([])
  })

  test('a secret is sealed anew under a new master key, and opens in no other row', async () => {
    const { url, received } = await receiver()
    const { id, secret } = await world.listen(url)
    const newer = deriveMasterKeys([Buffer.alloc(32, 9), Buffer.alloc(32, 7)])
    expect(await resealSecrets(world.database, newer)).toBe(1)
    expect(await resealSecrets(world.database, newer)).toBe(0)
    const row = await world.webhookOf(id)
    expect(openSecrets(newer, row, row.sealedSecret)).toEqual({ current: secret })
    expect(() => openSecrets(newer, { ...row, id: 'wh_other' }, row.sealedSecret)).toThrow(CannotOpen)
    await world.happen()
    await world.delivery().round() // this node has the old key alone
    expect(received).toEqual([])
    expect((await world.messagesOf(id))[0]).toMatchObject({ outcome: 'could not be signed', attempts: 1 })
  })

  test('stopping breaks off what hangs', async () => {
    const hanging = await receiver(() => () => {})
    await world.listen(hanging.url)
    await world.happen()
    const delivery = world.delivery()
    await delivery.begin()
    await hanging.arrived(1)
    await delivery.stop()
    await hanging.left
  })

  test('no secret in what is logged', () => {
    expect(world.logged.join('')).not.toMatch(/whsec_|token=receivers/)
  })
})

test('jitter only delays, and by a fifth at most', () => {
  expect([0, 0.5, 1].map((random) => nextAttemptAt(2, 0, random))).toEqual([300_000, 330_000, 360_000])
  expect(nextAttemptAt(10, 0, 0)).toBeUndefined()
})
