import type { Outcome } from '../audit/change.ts'
import { newRecordId } from '../credentials/format.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import type { ScopedTransaction, TenantScope } from '../tenancy/scoped-database.ts'

/** A WebAuthn credential of a person, in one mode. */
export interface Passkey {
  readonly id: string
  readonly tenantId: string
  readonly memberId: string
  readonly credentialId: string
  readonly publicKey: Uint8Array<ArrayBuffer>
  readonly counter: number
  readonly transports: readonly string[]
  readonly name: string
  readonly createdAt: Date
  readonly lastUsedAt: Date | undefined
}

/** What an authenticator made. */
export type NewPasskey = Pick<Passkey, 'credentialId' | 'publicKey' | 'counter' | 'transports'>

export interface Passkeys {
  /** Oldest first. */
  ofMember(memberId: string): Promise<Passkey[]>
  /** Whoever's it is: a passkey alone says who signs in. */
  withCredentialId(credentialId: string): Promise<Passkey | undefined>
}

export const MOST_PASSKEYS = 20

type PasskeyRow = Awaited<ReturnType<Database['passkey']['findFirstOrThrow']>>

export const createPasskeys = (mode: Mode, database: Pick<Database, 'passkey'>): Passkeys => ({
  async ofMember(memberId) {
    const rows = await database.passkey.findMany({ where: { mode, memberId }, orderBy: { createdAt: 'asc' } })
    return rows.map(toPasskey)
  },
  async withCredentialId(credentialId) {
    const row = await database.passkey.findFirst({ where: { mode, credentialId } })
    return row ? toPasskey(row) : undefined
  },
})

const toPasskey = ({ counter, lastUsedAt, ...row }: PasskeyRow): Passkey => ({
  ...row,
  publicKey: new Uint8Array(row.publicKey),
  counter: Number(counter),
  lastUsedAt: lastUsedAt ?? undefined,
})

export async function addPasskey(
  transaction: ScopedTransaction,
  scope: TenantScope,
  { memberId, name, passkey }: { memberId: string; name: string; passkey: NewPasskey },
  now: Date,
): Promise<Outcome<void>> {
  const id = newRecordId('pky')
  const { counter, transports, ...made } = passkey
  await transaction.passkey.create({
    data: {
      ...{ ...scope, ...made, id, memberId, name },
      ...{ counter: BigInt(counter), transports: [...transports], createdAt: now },
    },
  })
  return { result: undefined, events: [event('passkey.added', id, { member_id: memberId, name })] }
}

export async function renamePasskey(
  transaction: ScopedTransaction,
  { id, memberId, name }: { id: string; memberId: string; name: string },
): Promise<Outcome<boolean>> {
  const { count } = await transaction.passkey.updateMany({ where: { id, memberId }, data: { name } })
  const events = count ? [event('passkey.renamed', id, { member_id: memberId, name })] : []
  return { result: count > 0, events }
}

/** Without the last one nothing can be asked for after the password any more: the entry says so. */
export async function removePasskey(
  transaction: ScopedTransaction,
  { id, memberId }: { id: string; memberId: string },
): Promise<Outcome<boolean>> {
  const { count } = await transaction.passkey.deleteMany({ where: { id, memberId } })
  if (!count) return { result: false, events: [] }
  const left = await transaction.passkey.count({ where: { memberId } })
  return { result: true, events: [event('passkey.removed', id, { member_id: memberId, passkeys_left: left })] }
}

/**
 * Notes a use. False: the counter did not move on, so somebody holds a copy of the key, or the same answer was sent
 * twice at once. WebAuthn Level 3 §7.2 step 22; authenticators without a counter always say 0.
 */
export async function usePasskey(
  transaction: ScopedTransaction,
  { id, counter }: Pick<Passkey, 'id' | 'counter'>,
  counted: number,
  now: Date,
): Promise<boolean> {
  if ((counted > 0 || counter > 0) && counted <= counter) return false
  const unmoved = counted > 0 ? { lt: BigInt(counted) } : BigInt(0)
  const data = { counter: BigInt(counted), lastUsedAt: now }
  const { count } = await transaction.passkey.updateMany({ where: { id, counter: unmoved }, data })
  return count > 0
}

export const event = (action: string, id: string, details: Record<string, string | number>) => ({
  action,
  target: { type: 'passkey', id },
  details,
})
