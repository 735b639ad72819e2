import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import type { AuditEvent, Origin } from '../../server/audit/entry.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import type { Mode } from '../../server/mode/mode.ts'
import { createOutbound } from '../../server/outbound/outbound.ts'
import { createDelivery } from '../../server/webhooks/deliver.ts'
import { createWebhook, updateWebhook, type WebhookChanges } from '../../server/webhooks/webhooks.ts'
import { createTestClock } from '../clock.ts'
import type { OpenStorage } from '../deployments.ts'
import { changeOf, createTenant } from '../tenants.ts'

export const ORIGIN: Origin = {
  actor: { type: 'api_key', id: 'key_test', name: 'a key' },
  ip: '192.0.2.1',
  requestId: 'req_test',
}

export const KEY_CREATED: AuditEvent = {
  action: 'api_key.created',
  target: { type: 'api_key', id: 'key_made' },
  details: { name: 'made', kind: 'standard' },
}

/** Two nodes that deliver by hand, with a tenant. */
export async function openWorld(open: OpenStorage) {
  const clock = createTestClock()
  const { nodes } = await open({ clock })
  const masterKeys = deriveMasterKeys([Buffer.alloc(32, 7)])
  const stores = { storage: nodes[0], clock, masterKeys }
  const { database } = nodes[0]
  const logged: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) })
  const change = changeOf(stores)
  const tenant = await createTenant(stores)
  const scope = { tenantId: tenant.id, mode: 'live' as Mode }

  const delivery = (which: 0 | 1 = 0, { allow = ['127.0.0.1'], timeout = 15_000 } = {}) => {
    const storage = nodes[which]
    const made = createDelivery({
      ...{ database: storage.database, change: changeOf({ storage, clock }), masterKeys, clock, log, timeout },
      ...{ outbound: createOutbound({ allow }), random: () => 0 },
    })
    onTestFinished(() => made.stop())
    return made
  }

  return {
    ...{ nodes, clock, masterKeys, stores, database, logged, change, tenant, scope, delivery },
    /** A webhook that goes when the test ends, so that no other test sends to it. */
    async listen(url: string, events: readonly string[] = ['*'], at = scope) {
      const settings = { url, description: null, events, createdBy: 'test' }
      const now = new Date(clock.now())
      const made = await change(at, ORIGIN, (transaction) => createWebhook(transaction, at, masterKeys, settings, now))
      if (made === 'too_many') throw new Error('too many')
      onTestFinished(async () => void (await database.webhook.deleteMany({ where: { id: made.row.id } })))
      return { id: made.row.id, secret: made.secret }
    },
    update: (id: string, changes: WebhookChanges, at = scope) =>
      change(at, ORIGIN, (transaction) => updateWebhook(transaction, id, changes, new Date(clock.now()))),
    happen: (event: AuditEvent = KEY_CREATED, at = scope) =>
      change(at, ORIGIN, async () => ({ result: undefined, events: [event] })),
    messagesOf: (webhookId: string) =>
      database.webhookMessage.findMany({ where: { webhookId }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
    webhookOf: (id: string) => database.webhook.findUniqueOrThrow({ where: { id } }),
  }
}

export type World = Awaited<ReturnType<typeof openWorld>>
