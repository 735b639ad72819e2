/**
 * Short-lived and hot state of one mode: tokens, standings, records, replay memory, failure counts.
 * Two implementations keep the same promises (test/storage/state-store.test.ts): redis/ and postgres/.
 * Every method either keeps its promise or throws {@link StoreUnavailable} within the store's deadline.
 * Keys are digests or ids that hold no credential. Times are milliseconds since the epoch, by the caller's clock.
 */
export interface StateStore {
  /** Keeps `record` until `expiresAt`. A digest is written once; there is no update. */
  putToken(digest: string, record: string, expiresAt: number): Promise<void>
  findToken(digest: string): Promise<string | undefined>
  /** True if it was there. */
  removeToken(digest: string): Promise<boolean>

  /** In the order asked; undefined where this store doesn't know (then the database does). */
  standings(refs: readonly string[]): Promise<(KeptStanding | undefined)[]>
  /** Before a change commits: no copy outlives it. */
  forgetStandings(refs: readonly string[]): Promise<void>
  /** After a change committed, or after a read of the database: a newer version replaces an older one, never the reverse. */
  raiseStandings(standings: readonly Standing[]): Promise<void>

  /** Keeps `record` until `expiresAt`, over whatever was there. */
  putRecord(key: string, record: string, expiresAt: number): Promise<void>
  findRecord(key: string): Promise<string | undefined>
  /**
   * Compare-and-set. Of any number of callers who saw the same `before`, on any number of nodes, one gets true.
   * @param unanswered what a swap comes to that a store made too late for its caller to hear of it: taken back (what gives
   * something would be lost on the way), unless it is to stand (what takes something away must not come undone)
   */
  swapRecord(
    key: string,
    before: string,
    after: string,
    expiresAt: number,
    unanswered?: 'taken back' | 'stands',
  ): Promise<boolean>
  /** Reads and removes: the record for exactly one of any number of concurrent callers, undefined for all others. */
  takeRecord(key: string): Promise<string | undefined>

  /** True the first time `key` is seen, false until `until` after that. One atomic write. */
  remember(key: string, until: number): Promise<boolean>

  /** One more failure of `key`, or `by` more of whatever is counted; the count within the window that began with the first. */
  countFailure(key: string, windowMs: number, by?: number): Promise<FailureCount>

  /**
   * Appends to what the audit log is still to take in. When it resolves, the event is as durable as a token is; of calls
   * that fail it may be there nevertheless. Those of one moment go out together: an event costs no round trip of its own.
   */
  recordEvent(event: string): Promise<void>
  /** The oldest of what was recorded and not removed: about `most`, and at least one if there is any. */
  pendingEvents(most: number): Promise<PendingEvents>
  /** @param handles of what was read */
  removeEvents(handles: readonly string[]): Promise<void>

  /** Resolves if the store answers reads and writes. */
  ping(): Promise<void>
  /** Removes at most `limit` expired rows of each kind; how many went. Redis expires by itself and answers 0. */
  sweep(limit: number): Promise<number>
}

/** The part of a client (or tenant) that every request must know afresh. */
export interface Standing {
  ref: string
  version: number
  epoch: number
}

export interface KeptStanding extends Standing {
  /** Still right, and to be read from the database anew before it ends here. */
  readonly isDue?: true | undefined
}

/** In the order in which they were recorded. */
export interface PendingEvents {
  readonly events: readonly string[]
  /** By which all of them are removed. A handle may stand for several. */
  readonly handles: readonly string[]
  /** Whether there are more behind them. */
  readonly more: boolean
}

export interface FailureCount {
  count: number
  resetsAt: number
}

/** A store did not answer, or not in time: 503 with Retry-After, nothing was given out. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly store: 'database' | 'redis'

  constructor(store: 'database' | 'redis', cause: unknown) {
    super(`${store} is unavailable`, { cause })
    this.store = store
  }
}
