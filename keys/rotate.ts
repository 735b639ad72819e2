import { ADVISORY_LOCK } from '../prisma/advisory-locks.ts'
import type { Clock } from '../server/clock.ts'
import type { MasterKeys } from '../server/credentials/master-key.ts'
import { isStale, open, seal } from '../server/credentials/sealed-at-rest.ts'
import { MODES, type Mode } from '../server/mode/mode.ts'
import { type Database, inTransaction, type Prisma, type Transaction } from '../server/storage/database.ts'
import { ALGS, type Alg, type GeneratedKey, generateKey } from './generate.ts'
import { hasSuccessorWaiting, isSuccessorDue, type KeyLife, removableKeys, signsFromOf } from './life.ts'

export interface Needs {
  database: Database
  masterKeys: MasterKeys
  clock: Clock
}

export interface Line {
  readonly mode: Mode
  readonly alg: Alg
}

export interface NewKey extends Line {
  readonly kid: string
  readonly signsFrom: Date
}

/** Whether a line of keys wants a new one. Asked before the key is made, and again when nobody else can make one. */
type Wanted = (keys: readonly KeyLife[], alg: Alg, now: number) => boolean

/** Sealed text of one key opens as that key only. */
export const sealingContext = (mode: string, kid: string): string => `signing key ${kid} (${mode})`

/** Makes what is missing of every mode and algorithm. Of any number of nodes that start at once, one does. */
export const ensureKeys = (needs: Needs): Promise<NewKey[]> =>
  addKeys(
    needs,
    MODES.flatMap((mode) => ALGS.map((alg) => ({ mode, alg }))),
    (keys, alg) => !keys.some((key) => key.alg === alg && key.removedAt === null),
  )

/** `rotated` is empty for those that were already rotated, here or by another node: their new key waits to sign. */
export interface Rotation {
  readonly rotated: NewKey[]
  readonly already: Alg[]
}

/** On request, whatever the keys' age. @param alg one algorithm; all without it */
export async function rotate(needs: Needs, { mode, alg }: { mode: Mode; alg?: Alg | undefined }): Promise<Rotation> {
  const algs = alg ? [alg] : ALGS
  const rotated = await addKeys(
    needs,
    algs.map((each) => ({ mode, alg: each })),
    (keys, each, now) => !hasSuccessorWaiting(keys, each, now),
  )
  return { rotated, already: algs.filter((each) => !rotated.some((key) => key.alg === each)) }
}

/** On schedule: the algorithms whose newest key is older than `rotationDays`. */
export const rotateDue = (needs: Needs, { mode, rotationDays }: { mode: Mode; rotationDays: number }) =>
  addKeys(
    needs,
    ALGS.map((alg) => ({ mode, alg })),
    (keys, alg, now) => isSuccessorDue(keys, alg, now, rotationDays),
  )

/**
 * Takes keys out of the JWKS once nothing that they signed is alive, and destroys their private half.
 * @returns the kids that went
 */
export function removeRetired({ database, clock }: Omit<Needs, 'masterKeys'>, mode: Mode): Promise<string[]> {
  return inTransaction(database, async (transaction) => {
    await lock(transaction)
    const now = clock.now()
    const kids = removableKeys(await livesOf(transaction, mode), now).map((key) => key.kid)
    await transaction.signingKey.updateMany({
      where: { kid: { in: kids } },
      data: { removedAt: new Date(now), sealedPrivate: '' },
    })
    return kids
  })
}

/** Seals under the current master key what is under an older one, so that the older one can be retired. */
export async function resealKeys({ database, masterKeys }: Omit<Needs, 'clock'>, mode: Mode): Promise<number> {
  const rows = await database.signingKey.findMany({ where: { mode, removedAt: null } })
  const stale = rows.filter((row) => isStale(masterKeys, row.sealedPrivate))
  for (const { kid, sealedPrivate } of stale) {
    const context = sealingContext(mode, kid)
    const sealed = seal(masterKeys, open(masterKeys, sealedPrivate, context), context)
    // Only over what was read: a node that removed or re-sealed the key meanwhile stands.
    await database.signingKey.updateMany({ where: { kid, sealedPrivate }, data: { sealedPrivate: sealed } })
  }
  return stale.length
}

async function addKeys(needs: Needs, lines: readonly Line[], wanted: Wanted): Promise<NewKey[]> {
  const due = await dueLines(needs.database, lines, wanted, needs.clock.now())
  if (!due.length) return []
  const candidates = await Promise.all(due.map(async (line) => ({ ...line, key: await generateKey(line.alg) })))
  return inTransaction(needs.database, async (transaction) => {
    await lock(transaction)
    const now = needs.clock.now()
    const rows = []
    for (const { mode, alg, key } of candidates) {
      const keys = await livesOf(transaction, mode)
      // Already rotated by another node while this one made its key: that key stands, this one is forgotten.
      if (wanted(keys, alg, now)) rows.push(newRow(needs.masterKeys, mode, key, now, signsFromOf(keys, alg, now)))
    }
    await transaction.signingKey.createMany({ data: rows })
    return rows.map(({ mode, alg, kid, signsFrom }) => ({ mode, alg, kid, signsFrom }))
  })
}

async function dueLines(database: Database, lines: readonly Line[], wanted: Wanted, now: number): Promise<Line[]> {
  const lives = new Map<Mode, KeyLife[]>()
  for (const { mode } of lines) if (!lives.has(mode)) lives.set(mode, await livesOf(database, mode))
  return lines.filter(({ mode, alg }) => wanted(lives.get(mode) ?? [], alg, now))
}

/** Held until the transaction ends. Cast, because Prisma can't read a column of type void. */
const lock = (transaction: Transaction) =>
  transaction.$queryRaw`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK.signingKeys}::bigint)::text`

const livesOf = (database: Database | Transaction, mode: Mode): Promise<KeyLife[]> =>
  database.signingKey.findMany({
    where: { mode, removedAt: null },
    select: { kid: true, alg: true, createdAt: true, signsFrom: true, removedAt: true },
  })

const newRow = (masterKeys: MasterKeys, mode: Mode, key: GeneratedKey, now: number, signsFrom: number) => ({
  kid: key.kid,
  mode,
  alg: key.alg,
  publicJwk: key.publicJwk as Prisma.InputJsonObject,
  sealedPrivate: seal(masterKeys, JSON.stringify(key.privateJwk), sealingContext(mode, key.kid)),
  createdAt: new Date(now),
  signsFrom: new Date(signsFrom),
})
