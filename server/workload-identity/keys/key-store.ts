import { LRUCache } from 'lru-cache'
import type { Clock } from '../../clock.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { hasKid, type KeySet } from './key-set.ts'
import { createPublishedKeys, type FetchedKeys, type Published } from './published-keys.ts'
import { createRefetchAllowance } from './refetch-allowance.ts'

/** What issuers publish, remembered. One flight at a time for each of them, and none waits for another. */
export interface KeyStore {
  /** The newest keys that may be had now. Where `kid` isn't among them, they were read because of it. */
  read(published: Published, kid: string | undefined, tenantId: string): Promise<HeldKeys>
  /** Fetches what was never fetched. */
  warm(published: Published, tenantId: string): Promise<void>
}

export type HeldKeys =
  | { readonly ok: true; readonly keys: KeySet }
  | { readonly ok: false; readonly reason: string; readonly retryAfter: number }

interface Needs {
  outbound: Pick<Outbound, 'getJson'>
  clock: Clock
  timeout: number
}

const MOST_ISSUERS = 1_000
/** A tenant whose issuers all hang keeps nobody else's from being asked. */
const MOST_FLIGHTS_PER_TENANT = 8
/** Milliseconds for which keys are believed while their issuer does not answer. */
const STALE_FOR = 24 * 60 * 60_000
/** Of the time that keys are fresh: after it they are fetched again while they still serve. */
const REFRESH_AT = 0.8

interface Copy {
  readonly keys: KeySet
  readonly refreshAt: number
  readonly freshUntil: number
  readonly usableUntil: number
}

export function createKeyStore(needs: Needs): KeyStore {
  const { clock } = needs
  const issuers = new LRUCache<string, Issuer>({ max: MOST_ISSUERS })
  const flightsOf = new Map<string, number>()

  const issuerOf = (published: Published): Issuer => {
    const id = JSON.stringify(published)
    const issuer = issuers.get(id) ?? newIssuer(published, needs)
    issuers.set(id, issuer)
    return issuer
  }

  /** Joins the flight to this issuer, or sends one. Undefined: this tenant has too many of them. */
  function fly(issuer: Issuer, tenantId: string): Promise<FetchedKeys> | undefined {
    const flights = flightsOf.get(tenantId) ?? 0
    if (issuer.flight) return issuer.flight
    if (flights >= MOST_FLIGHTS_PER_TENANT) return undefined
    flightsOf.set(tenantId, flights + 1)
    issuer.flight = fetchInto(issuer, clock).finally(() => {
      issuer.flight = undefined
      const left = (flightsOf.get(tenantId) ?? 1) - 1
      if (left > 0) flightsOf.set(tenantId, left)
      else flightsOf.delete(tenantId)
    })
    return issuer.flight
  }

  /** A flight that was underway may have been answered before the key was published: a later one can say that there is none. */
  async function askFor(kid: string | undefined, issuer: Issuer, tenantId: string): Promise<FetchedKeys | undefined> {
    const wasUnderway = issuer.flight !== undefined
    const fetched = await fly(issuer, tenantId)
    const isSettled = !wasUnderway || !fetched?.ok || hasKid(fetched.keys, kid) || issuer.allowance.waitForUnknown() > 0
    return isSettled ? fetched : fly(issuer, tenantId)
  }

  /** What is left when nobody can be asked: keys that were good a while ago, for who needs just these. */
  function withoutAsking({ copy, allowance, reason }: Issuer, kid: string | undefined, wait: number): HeldKeys {
    if (copy && clock.now() < copy.usableUntil && hasKid(copy.keys, kid)) return { ok: true, keys: copy.keys }
    const retryAfter = Math.ceil(Math.max(wait, allowance.waitAfterFailure(), 1000) / 1000)
    return { ok: false, reason, retryAfter }
  }

  return {
    async read(published, kid, tenantId) {
      const issuer = issuerOf(published)
      const { copy, allowance } = issuer
      const isFresh = copy !== undefined && clock.now() < copy.freshUntil
      if (isFresh && hasKid(copy.keys, kid)) {
        const isDue = clock.now() >= copy.refreshAt && allowance.waitAfterFailure() === 0
        if (isDue) void fly(issuer, tenantId)
        return { ok: true, keys: copy.keys }
      }
      const wait = isFresh ? allowance.waitForUnknown() : allowance.waitAfterFailure()
      if (wait > 0 && !issuer.flight) return withoutAsking(issuer, kid, wait)
      const fetched = await askFor(kid, issuer, tenantId)
      return fetched?.ok ? fetched : withoutAsking(issuer, kid, 0)
    },

    async warm(published, tenantId) {
      const issuer = issuerOf(published)
      if (!issuer.copy && issuer.allowance.waitAfterFailure() === 0) await fly(issuer, tenantId)
    },
  }
}

interface Issuer {
  readonly fetchKeys: () => Promise<FetchedKeys>
  readonly allowance: ReturnType<typeof createRefetchAllowance>
  copy: Copy | undefined
  flight: Promise<FetchedKeys> | undefined
  /** Why the keys that somebody asks for cannot be had. */
  reason: string
}

const RECENT = 'asked_a_moment_ago'

const newIssuer = (published: Published, needs: Needs): Issuer => ({
  fetchKeys: createPublishedKeys(published, needs),
  allowance: createRefetchAllowance(needs.clock),
  copy: undefined,
  flight: undefined,
  reason: RECENT,
})

async function fetchInto(issuer: Issuer, clock: Clock): Promise<FetchedKeys> {
  issuer.allowance.started()
  const fetched = await issuer.fetchKeys()
  if (!fetched.ok) {
    issuer.reason = fetched.reason
    issuer.allowance.failed()
    return fetched
  }
  const now = clock.now()
  issuer.copy = {
    keys: fetched.keys,
    refreshAt: now + fetched.freshFor * REFRESH_AT,
    freshUntil: now + fetched.freshFor,
    usableUntil: now + STALE_FOR,
  }
  issuer.reason = RECENT
  issuer.allowance.succeeded()
  return fetched
}
