import type { Database } from '../storage/database.ts'
import { scopeDatabase, type TenantScope } from '../tenancy/scoped-database.ts'
import { CHAIN_START, type Chain } from './chain.ts'
import { TRIMMED } from './retention.ts'

/** What is left of a chain, and whether it holds. */
export interface Verdict {
  readonly entries: number
  /** How many of them anyone could have made: they are from before hashes were keyed. */
  readonly unkeyed: number
  readonly first: Point | undefined
  readonly last: Point | undefined
  /** How many retention removed before the first. */
  readonly removed: number
  /** The first that is wrong, and why. Undefined: nothing is. */
  readonly wrong: { readonly seq: number; readonly why: string } | undefined
}

/** A place in a chain. Whoever noted one can tell later whether all up to it is still there. */
export interface Point {
  readonly seq: number
  readonly hash: string
}

interface Needs {
  database: Database
  chain: Chain
}

export interface Demands {
  /** A point that somebody noted. */
  readonly expected?: Point | undefined
  /** Entries from before hashes were keyed are taken at their word. */
  readonly allowUnkeyed?: boolean | undefined
}

type EntryRow = Awaited<ReturnType<Database['auditEntry']['findFirstOrThrow']>>
type Head = Awaited<ReturnType<Database['auditHead']['findFirstOrThrow']>>

/** Entries per query. */
const PAGE = 1_000

/**
 * Walks a chain from its first entry to its head. What was altered, inserted, exchanged or removed breaks it, unless
 * somebody has the master key. All but one thing: if the newest entries went and the head was set back with them, what is
 * left is a whole chain. Only a point that was noted before tells.
 */
export async function verifyChain(needs: Needs, scope: TenantScope, demands: Demands = {}): Promise<Verdict> {
  const database = scopeDatabase(needs.database, scope)
  for (;;) {
    // In this order: whatever is appended meanwhile, the head is not behind the newest that was seen.
    const newest = await database.auditEntry.findFirst({ orderBy: { seq: 'desc' }, select: { seq: true } })
    const head = await database.auditHead.findFirst()
    const walked = await walk(needs, scope, head, demands)
    const verdict = { ...walked, wrong: walked.wrong ?? wrongBeyond(head, newest?.seq ?? 0) }
    // Retention may have removed its beginning meanwhile.
    const now = await database.auditHead.findFirst()
    if (now?.removedSeq === head?.removedSeq) return verdict
  }
}

async function walk(needs: Needs, scope: TenantScope, head: Head | null, demands: Demands): Promise<Verdict> {
  const database = scopeDatabase(needs.database, scope)
  const removed = { seq: head?.removedSeq ?? 0, hash: head?.removedHash ?? '' }
  const end = head?.seq ?? 0
  let last: Point = { seq: removed.seq, hash: removed.seq ? removed.hash : CHAIN_START }
  let first: Point | undefined
  let entries = 0
  let unkeyed = 0
  let sawKeyed = false
  let trimmed: EntryRow | undefined
  const verdict = (wrong: Verdict['wrong']): Verdict => ({
    ...{ entries, unkeyed, first, removed: removed.seq, wrong },
    last: entries ? last : undefined,
  })
  const noted = wrongPoint(demands.expected, last, end)
  if (noted) return verdict(noted)

  for (;;) {
    const rows = await database.auditEntry.findMany({
      where: { seq: { gt: last.seq, ...(head && { lte: end }) } },
      orderBy: { seq: 'asc' },
      take: PAGE,
    })
    for (const row of rows) {
      const why = wrongLink(needs.chain, last, row, sawKeyed || !demands.allowUnkeyed)
      if (why) return verdict({ seq: last.seq + 1, why })
      if (row.hashKey === '') unkeyed += 1
      else sawKeyed = true
      if (row.action === TRIMMED && row.actorType === 'system') trimmed = row
      last = { seq: row.seq, hash: row.hash }
      first ??= last
      entries += 1
      if (demands.expected?.seq === row.seq && demands.expected.hash !== row.hash) {
        return verdict({ seq: row.seq, why: 'it is not the entry whose hash was noted' })
      }
    }
    if (rows.length < PAGE) break
  }
  return verdict(wrongEnd(head, last, entries) ?? wrongBeginning(removed, trimmed))
}

/** Whether the point is at all within the chain; at an entry it is compared when that is reached. */
function wrongPoint(expected: Point | undefined, removed: Point, end: number): Verdict['wrong'] {
  if (!expected) return undefined
  if (expected.seq > end) {
    return { seq: end + 1, why: `entries up to ${expected.seq} were there and are gone: the newest were cut off` }
  }
  if (expected.seq === removed.seq && expected.hash !== removed.hash) {
    return { seq: removed.seq, why: 'the last removed entry is not the one whose hash was noted' }
  }
  return undefined
}

function wrongLink(chain: Chain, last: Point, row: EntryRow, mustBeKeyed: boolean): string | undefined {
  if (row.seq !== last.seq + 1) return `entries ${last.seq + 1} to ${row.seq - 1} are missing`
  if (row.previous !== last.hash) return 'it does not follow the entry before: one of the two was altered or replaced'
  switch (chain.check(last.hash, row, row)) {
    case 'wrong':
      return 'it was altered'
    case 'unknown_key':
      return `its hash is under the master key ${row.hashKey}, which KC_MASTER_KEY does not have`
    case 'right_unkeyed':
      return mustBeKeyed ? 'its hash has no key: anyone who can write to the database could have made it' : undefined
    case 'right':
      return undefined
  }
}

function wrongEnd(head: Head | null, last: Point, entries: number): Verdict['wrong'] {
  if (!head) return entries ? { seq: last.seq, why: 'there are entries, but no head of the chain' } : undefined
  if (head.seq > last.seq) return { seq: last.seq + 1, why: `the newest entries, up to ${head.seq}, are missing` }
  const whole = last.hash === head.hash
  return whole ? undefined : { seq: last.seq, why: 'the head of the chain does not match its last entry' }
}

const wrongBeyond = (head: Head | null, newest: number): Verdict['wrong'] =>
  head && newest > head.seq ? { seq: head.seq + 1, why: 'there are entries beyond the head of the chain' } : undefined

/** What retention removed it also says in the chain, where nobody else can. */
function wrongBeginning(removed: Point, trimmed: EntryRow | undefined): Verdict['wrong'] {
  if (!removed.seq && !trimmed) return undefined
  const said = (trimmed?.details ?? {}) as { seq?: unknown; hash?: unknown }
  if (said.seq === removed.seq && said.hash === removed.hash) return undefined
  return { seq: removed.seq, why: `entries up to ${removed.seq} are missing, and retention has not removed them` }
}
