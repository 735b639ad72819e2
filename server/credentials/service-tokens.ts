import type { Outcome } from '../audit/change.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'
import type { Digests } from './digest.ts'
import { newPublicId, newRecordId, newServiceToken } from './format.ts'

type SecretRow = Awaited<ReturnType<ScopedTransaction['secret']['findFirstOrThrow']>>

export interface NewServiceToken {
  readonly name: string
  readonly expiresAt: Date | null
  readonly createdBy: string
}

/** Undefined if there is no such service user. */
export async function issueServiceToken(
  transaction: ScopedTransaction,
  scope: TenantScope,
  digests: Pick<Digests, 'digest'>,
  serviceUserId: string,
  { name, expiresAt, createdBy }: NewServiceToken,
  now: Date,
): Promise<Outcome<{ row: SecretRow; serviceToken: string } | undefined>> {
  const user = await transaction.client.findFirst({ where: { id: serviceUserId, kind: 'service_user' } })
  if (!user) return { result: undefined, events: [] }
  const id = newRecordId('svt')
  const publicId = newPublicId()
  const serviceToken = newServiceToken(scope.mode, publicId)
  const row = await transaction.secret.create({
    data: {
      ...{ ...scope, ...digests.digest(serviceToken), id, publicId, name, expiresAt, createdBy },
      clientId: user.id,
      createdAt: now,
    },
  })
  const details = { name, service_user_id: user.id }
  const event = { action: 'service_token.created', target: { type: 'service_token', id }, details }
  return { result: { row, serviceToken }, events: [event], moved: [{ ref: user.ref, kill: false }] }
}

/** What can happen to a service token later on. */
export type ServiceTokenChange = 'revoked' | 'restored' | 'deleted'

/** Undefined if there is no such token. Repeating a change changes nothing more, and moves the standing again. */
export async function changeServiceToken(
  transaction: ScopedTransaction,
  id: string,
  change: ServiceTokenChange,
  now: Date,
): Promise<Outcome<SecretRow | undefined>> {
  const found = await transaction.secret.findFirst({
    where: { id, publicId: { not: null } },
    include: { client: { select: { ref: true } } },
  })
  if (!found) return { result: undefined, events: [] }
  const { client, ...token } = found
  const moved = [{ ref: client.ref, kill: false }]
  // Whoever found it may have it still.
  if (change === 'restored' && token.leakedAt) return { result: token, events: [], moved }
  if (change !== 'deleted' && (change === 'revoked') === (token.revokedAt !== null)) {
    return { result: token, events: [], moved }
  }
  const row =
    change === 'deleted'
      ? await transaction.secret.delete({ where: { id } })
      : await transaction.secret.update({ where: { id }, data: { revokedAt: change === 'revoked' ? now : null } })
  const details = { name: token.name, service_user_id: token.clientId }
  const event = { action: `service_token.${change}`, target: { type: 'service_token', id }, details }
  return { result: row, events: [event], moved }
}
