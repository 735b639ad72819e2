import type { Clock } from '../clock.ts'
import type { Database } from '../storage/database.ts'
import type { TenantScope } from '../tenancy/scoped-database.ts'
import type { Peer } from './peer.ts'
import { type SecretUse, writeUses } from './usage-rows.ts'

/** Which secret, and whose. */
export interface UsedSecret extends TenantScope {
  readonly clientId: string
  readonly secretId: string
}

/**
 * When and from where each secret was last used, and how often on which day. Counted in memory, because a use must cost
 * no write: what a node counted since its last flush is lost if it is killed, and nothing that decides anything rests on it.
 */
export interface Usage {
  /** @param peer from where; undefined: somebody else, who was shown it, asks about it */
  used(secret: UsedSecret, peer: Peer | undefined): void
  /** Writes what was counted. Rejects if the database is away: all is kept, and written the next time. */
  flush(): Promise<void>
}

interface Needs {
  database: Database
  clock: Clock
  /** How many secrets' uses are kept between two flushes. About 300 bytes each. */
  capacity?: number
}

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** Rows of a statement: short enough that no request waits noticeably for the one connection of embedded PostgreSQL. */
const BATCH = 500

/** Characters. Browsers say a lot. */
const AGENT_LENGTH = 200

export function createUsage({ database, clock, capacity = 100_000 }: Needs): Usage {
  let uses: Uses = new Map()
  let size = 0
  let flushing = Promise.resolve()
  const today = createToday(clock)

  function ofDay(day: string): Map<string, SecretUse> {
    const before = uses.get(day)
    if (before) return before
    const fresh = new Map()
    uses.set(day, fresh)
    return fresh
  }

  function add(use: SecretUse): void {
    const secrets = ofDay(use.day)
    const before = secrets.get(use.secretId)
    if (before) join(before, use)
    // Without the database for long: rather uncounted than out of memory.
    else if (size < capacity) {
      secrets.set(use.secretId, use)
      size += 1
    }
  }

  async function write(): Promise<void> {
    const taken = [...uses.values()].flatMap((secrets) => [...secrets.values()])
    uses = new Map()
    size = 0
    for (let at = 0; at < taken.length; at += BATCH) {
      try {
        for (const use of await writeUses(database, taken.slice(at, at + BATCH))) add(use)
      } catch (error) {
        for (const use of taken.slice(at)) add(use)
        throw error
      }
    }
  }

  /** One at a time, so that what failed isn't overtaken. */
  function flush(): Promise<void> {
    const run = flushing.then(write)
    flushing = run.catch(() => {})
    return run
  }

  return {
    used({ tenantId, mode, clientId, secretId }, peer) {
      const now = clock.now()
      const at = now - (now % MINUTE)
      const userAgent = peer?.userAgent?.slice(0, AGENT_LENGTH)
      const from = peer && { ip: peer.ip, userAgent }
      const use = { tenantId, mode, clientId, secretId, day: today(now), count: 1, at, from }
      add(use)
      if (size === Math.ceil(capacity / 2)) flush().catch(() => {})
    },
    flush,
  }
}

/** By day, and then by secret: nothing is put together, looked up and thrown away for one more use. */
type Uses = Map<string, Map<string, SecretUse>>

/** The later of the two stands; what is known of where the earlier was fills its gap. */
function join(before: SecretUse, use: SecretUse): void {
  const isLater = use.at >= before.at
  before.from = (isLater ? use.from : before.from) ?? (isLater ? before.from : use.from)
  before.at = Math.max(before.at, use.at)
  before.count += use.count
}

/** The day in UTC, put into words once. */
function createToday({ now }: Clock): (time: number) => string {
  let number = Number.NaN
  let day = dayOf(now())
  return (time) => {
    const current = Math.floor(time / DAY)
    if (current !== number) {
      number = current
      day = dayOf(time)
    }
    return day
  }
}

/** As `usage_day` has it: 2030-01-31. */
export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10)
