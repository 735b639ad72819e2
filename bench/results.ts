import type { Machine } from './machine.ts'
import type { Against, Options } from './options.ts'

/** What a run found: bench/results/latest.json, of which the chart and the text are made. */
export interface Results {
  readonly at: string
  /** Of the checkout, with `+` if something in it was changed. */
  readonly commit: string
  readonly machine: Machine
  readonly settings: Pick<Options, 'clients' | 'rounds' | 'seconds' | 'connections'>
  readonly rates: readonly Rate[]
  /** Those that have a promised ratio, with one process, with fewer and with more connections. */
  readonly crowds: readonly Rate[]
  readonly latencies: readonly Latency[]
  readonly memory: Memory | undefined
}

/** Latencies in microseconds. Of all rounds the median. */
export interface Figures {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Microseconds of processor time of all the server's processes per request; null where it can't be told. */
  readonly cpu: number | null
  readonly errors: number
}

export interface Rate {
  readonly name: string
  readonly title: string
  readonly processes: number
  /** Requests under way at once. */
  readonly connections: number
  readonly ours: Figures
  readonly promised: { readonly ratio?: number; readonly perSecond?: number }
  readonly others: readonly Other[]
}

export interface Other {
  readonly against: Against
  readonly title: string
  readonly figures: Figures
  /** Our rate to theirs, round by round. */
  readonly ratio: { readonly median: number; readonly least: number; readonly most: number }
}

/** At a fixed rate, from the moment at which each request was due. Microseconds. */
export interface Latency {
  readonly name: string
  readonly title: string
  readonly processes: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly errors: number
}

export interface Change {
  readonly before: number
  readonly after: number
}

/** Bytes, unless they are called otherwise. */
export interface Memory {
  readonly liveTokens: {
    readonly tokens: number
    readonly overHttp: number
    readonly bytesEach: number
    /** Of Redis: with nothing in it, with all of them, and when they were over. */
    readonly before: number
    readonly with: number
    readonly after: number
    readonly keysAfter: number
  }
  readonly database: {
    readonly tokens: number
    /** Of the tables of short-lived state with their indexes: at first, with all of them, swept, and so once more. */
    readonly before: number
    readonly with: number
    readonly swept: number
    readonly sweptAgain: number
    readonly sweepSeconds: number
  }
  readonly node: {
    readonly mints: number
    readonly seconds: number
    /** What JavaScript holds after a collection, and what the process has of the system: before and after the mints. */
    readonly heap: Change
    readonly resident: Change
    /** Least squares over all looks. */
    readonly heapPerMillion: number
  }
  /** Of PostgreSQL, indexes included, for what the audit log says of one mint. */
  readonly auditEntry: number
}
