import type { Outcome } from '../audit/change.ts'
import { changedColumns } from '../credentials/client-columns.ts'
import { newRecordId } from '../credentials/format.ts'
import type { MasterKeys } from '../credentials/master-key.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import { openSecrets, sealSecrets } from './secrets.ts'
import { newWebhookSecret } from './signature.ts'

export type WebhookRow = Awaited<ReturnType<ScopedTransaction['webhook']['findFirstOrThrow']>>

export interface WebhookSettings {
  readonly url: string
  readonly description: string | null
  readonly events: readonly string[]
}

export interface NewWebhook extends WebhookSettings {
  readonly createdBy: string
}

/** The only time that the secret is outside. */
export interface WithSecret {
  readonly row: WebhookRow
  readonly secret: string
}

/** Per tenant and mode. */
export const MOST_WEBHOOKS = 20

/** Milliseconds for which the secret before signs too, so that the receiver can change over. */
const OVERLAP = 86_400_000

const targetOf = (id: string) => ({ type: 'webhook', id })

/** 'too_many': as many as there may be are there. Changes of a tenant are made one after the other, so none is made too many. */
export async function createWebhook(
  transaction: ScopedTransaction,
  scope: TenantScope,
  masterKeys: MasterKeys,
  { url, description, events, createdBy }: NewWebhook,
  now: Date,
): Promise<Outcome<WithSecret | 'too_many'>> {
  if ((await transaction.webhook.count()) >= MOST_WEBHOOKS) return { result: 'too_many', events: [] }
  const id = newRecordId('wh')
  const secret = newWebhookSecret()
  const sealedSecret = sealSecrets(masterKeys, { ...scope, id }, { current: secret })
  const row = await transaction.webhook.create({
    data: {
      ...{ ...scope, id, url, description, events: [...events], sealedSecret, createdBy },
      ...{ createdAt: now, updatedAt: now },
    },
  })
  const event = { action: 'webhook.created', target: targetOf(id), details: { url: recordedUrl(url), events } }
  return { result: { row, secret }, events: [event] }
}

/** What isn't there stays as it is. */
export interface WebhookChanges extends Partial<WebhookSettings> {
  readonly disabled?: boolean
}

/** Undefined if there is no such webhook. Enabled again, it is sent what waited. */
export async function updateWebhook(
  transaction: ScopedTransaction,
  id: string,
  { disabled, events, ...settings }: WebhookChanges,
  now: Date,
): Promise<Outcome<WebhookRow | undefined>> {
  const before = await transaction.webhook.findFirst({ where: { id } })
  if (!before) return { result: undefined, events: [] }
  const disabledAt = disabled === undefined ? before.disabledAt : disabled ? (before.disabledAt ?? now) : null
  const data = { ...settings, ...(events && { events: [...events] }), disabledAt }
  const changed = changedColumns(before, { ...before, ...data }).filter((name) => name !== 'disabledAt')
  const switched = (before.disabledAt === null) !== (disabledAt === null)
  if (!changed.length && !switched) return { result: before, events: [] }
  const after = await transaction.webhook.update({ where: { id }, data: { ...data, updatedAt: now } })
  const target = targetOf(id)
  const details = { url: recordedUrl(after.url) }
  const action = disabledAt ? 'webhook.disabled' : 'webhook.enabled'
  return {
    result: after,
    events: [
      ...(changed.length ? [{ action: 'webhook.changed', target, details: { ...details, changed } }] : []),
      ...(switched ? [{ action, target, details }] : []),
    ],
  }
}

/** Undefined if there is no such webhook. The secret before goes on signing for a day. */
export async function rotateWebhookSecret(
  transaction: ScopedTransaction,
  masterKeys: MasterKeys,
  id: string,
  now: Date,
): Promise<Outcome<WithSecret | undefined>> {
  // Locks it: of two rotations at once the second takes over from the first.
  const [before] = await transaction.webhook.updateManyAndReturn({ where: { id }, data: { updatedAt: now } })
  if (!before) return { result: undefined, events: [] }
  const { current } = openSecrets(masterKeys, before, before.sealedSecret)
  const secret = newWebhookSecret()
  const previous = { secret: current, until: now.getTime() + OVERLAP }
  const sealedSecret = sealSecrets(masterKeys, before, { current: secret, previous })
  const row = await transaction.webhook.update({ where: { id }, data: { sealedSecret } })
  const details = { url: recordedUrl(row.url) }
  return { result: { row, secret }, events: [{ action: 'webhook.secret_rotated', target: targetOf(id), details }] }
}

/** With its messages, those that wait included. Undefined if there is no such webhook. */
export async function deleteWebhook(
  transaction: ScopedTransaction,
  id: string,
): Promise<Outcome<WebhookRow | undefined>> {
  const row = await transaction.webhook.findFirst({ where: { id } })
  if (!row) return { result: undefined, events: [] }
  await transaction.webhook.delete({ where: { id } })
  const details = { url: recordedUrl(row.url) }
  return { result: row, events: [{ action: 'webhook.deleted', target: targetOf(id), details }] }
}

/** Receivers put secrets of theirs into the query. */
const recordedUrl = (url: string): string => {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
