import type { Change, Outcome } from '../audit/change.ts'
import type { Actor } from '../audit/entry.ts'
import type { Clock } from '../clock.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import type { ScopedTransaction } from '../tenancy/scoped-database.ts'

interface Needs {
  readonly database: Pick<Database, 'client' | 'secret'>
  readonly change: Change
  readonly clock: Clock
}

export interface ExpiryNotices {
  /** Gives every notice that is due and wasn't given; how many were. Any number of nodes may be at it. */
  give(): Promise<number>
}

const DAY = 86_400_000

/** How many days before, each with the one that comes after it. */
const STAGES = [
  { days: 14, until: 3 },
  { days: 3, until: 1 },
  { days: 1, until: 0 },
] as const
type Stage = (typeof STAGES)[number]

const ACTOR: Actor = { type: 'system', id: 'expiry-notices', name: 'Expiry notices' }

/** What stops working without anybody's doing, by what the audit log calls it. */
const TARGET_TYPES: Readonly<Record<string, string>> = {
  standard: 'api_key',
  enterprise: 'api_key',
  personal: 'personal_access_token',
}

/** Rows at a time. */
const BATCH = 200

/** A credential that ends soon, as far as a notice tells of it. */
interface Ending {
  readonly table: 'client' | 'secret'
  readonly id: string
  readonly tenantId: string
  readonly mode: string
  readonly name: string | null
  readonly type: string
  readonly expiresAt: Date | null
}

export const createExpiryNotices = ({ database, change, clock }: Needs): ExpiryNotices => ({
  async give() {
    const now = clock.now()
    let given = 0
    for (const stage of STAGES) {
      await takeBack(database, stage, now)
      for (;;) {
        const endings = await endingsOf(database, stage, now)
        for (const ending of endings) given += await giveOne(change, ending, stage)
        if (endings.length < BATCH) break
      }
    }
    return given
  },
})

const within = ({ days, until }: Stage, now: number) => ({
  gt: new Date(now + until * DAY),
  lte: new Date(now + days * DAY),
})

/** This one is due if none was given, or only earlier ones. */
const notYet = ({ days }: Stage) => ({ OR: [{ noticedDays: null }, { noticedDays: { gt: days } }] })

/** Its expiry was moved away: what was said of the last days is to be said again when they come. */
async function takeBack({ client, secret }: Needs['database'], { days, until }: Stage, now: number): Promise<void> {
  const where = { expiresAt: within({ days, until } as Stage, now), noticedDays: { lt: days } }
  await client.updateMany({ where, data: { noticedDays: days } })
  await secret.updateMany({ where, data: { noticedDays: days } })
  if (days !== STAGES[0].days) return
  const beyond = {
    noticedDays: { not: null },
    OR: [{ expiresAt: null }, { expiresAt: { gt: new Date(now + days * DAY) } }],
  }
  await client.updateMany({ where: beyond, data: { noticedDays: null } })
  await secret.updateMany({ where: beyond, data: { noticedDays: null } })
}

const ALIVE = { revokedAt: null, disabledAt: null }

async function endingsOf({ client, secret }: Needs['database'], stage: Stage, now: number): Promise<Ending[]> {
  const due = { expiresAt: within(stage, now), ...notYet(stage) }
  const oldestFirst = { orderBy: { id: 'asc' as const }, take: BATCH }
  const clients = await client.findMany({
    where: { ...due, ...ALIVE, kind: { in: Object.keys(TARGET_TYPES) } },
    ...oldestFirst,
  })
  if (clients.length === BATCH) return clients.map((row) => endingOf('client', row, TARGET_TYPES[row.kind]))
  // A key's second secret ends as its rotation wants it to: no notice of that.
  const tokens = await secret.findMany({
    where: { ...due, publicId: { not: null }, revokedAt: null, client: ALIVE },
    orderBy: oldestFirst.orderBy,
    take: BATCH - clients.length,
  })
  return [
    ...clients.map((row) => endingOf('client', row, TARGET_TYPES[row.kind])),
    ...tokens.map((row) => endingOf('secret', row, 'service_token')),
  ]
}

const endingOf = (
  table: Ending['table'],
  { id, tenantId, mode, name, expiresAt }: Omit<Ending, 'table' | 'type'>,
  type = 'api_key',
): Ending => ({ table, id, tenantId, mode, name, expiresAt, type })

/** The mark and the entry are one transaction: of any number of nodes one gives it, and none gives it by half. */
async function giveOne(change: Change, ending: Ending, stage: Stage): Promise<number> {
  const scope = { tenantId: ending.tenantId, mode: ending.mode as Mode }
  return change(scope, { actor: ACTOR }, async (transaction): Promise<Outcome<number>> => {
    if (!(await mark(transaction, ending, stage))) return { result: 0, events: [] }
    const { id, type, name, expiresAt } = ending
    const details = { days: stage.days, name, expires_at: expiresAt?.toISOString() ?? null }
    return { result: 1, events: [{ action: 'credential.expiring', target: { type, id }, details }] }
  })
}

/** Whether nobody has, and it still ends when it did a moment ago. */
async function mark(transaction: ScopedTransaction, { table, id, expiresAt }: Ending, stage: Stage): Promise<boolean> {
  const marked = {
    where: { id, expiresAt, revokedAt: null, ...notYet(stage) },
    data: { noticedDays: stage.days },
  }
  const { count } =
    table === 'client' ? await transaction.client.updateMany(marked) : await transaction.secret.updateMany(marked)
  return count === 1
}
