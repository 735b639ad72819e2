import type { RawRequest } from '../load/request.ts'
import type { Script } from '../load/wrk.ts'
import type { World } from '../world.ts'

/** What is asked of the server, and what it is compared with. */
export interface Measure {
  /** For BENCH_ONLY. */
  readonly name: string
  readonly title: string
  /** Section 8 of the contract. */
  readonly promised?: {
    /** Of the floor's rate. */
    readonly ratio?: number
    readonly perSecond?: number
  }
  /** The bare handler that asks Redis for as much. */
  readonly floor: Bare
  /** The same floor with ioredis as it comes, which writes each command to its socket by itself. Where a ratio is promised. */
  readonly defaultFloor?: Bare
  /** Where a signature takes most of the time: the bare handler that verifies one such, and nothing else. */
  readonly signature?: Bare
  /** Once, before the first run: whatever the requests need to be there. */
  prepare(world: World): Promise<Prepared>
}

export interface Bare {
  readonly title: string
  readonly path: string
}

export interface Prepared {
  /** For a run of about `count`; where each is good once, others each time. */
  requests(count: number): Promise<readonly RawRequest[]>
  /** Each is good once, and those of a run must be enough for it. */
  readonly goodOnce?: boolean
  readonly script?: Script
  /** What the bare handlers get. */
  readonly bare?: { readonly floor?: readonly RawRequest[]; readonly signature?: readonly RawRequest[] }
  /** The same asked of oidc-provider, where it can be. */
  readonly oidcProvider?: Prepared['requests']
}

/** The same each time. */
export const always =
  (requests: readonly RawRequest[]): Prepared['requests'] =>
  async () =>
    requests

/** Goes on where it was, so that all of them have their turn. */
export function inTurn<T>(all: readonly T[]): (count: number) => T[] {
  let at = 0
  return (count) => Array.from({ length: count }, () => all[at++ % all.length] as T)
}
