import { createPublicKey, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { freshFor } from '../outbound/freshness.ts'
import type { Outbound } from '../outbound/outbound.ts'

/** The keys with which the scanner signs its reports, by their identifiers. */
export interface ScannerKeys {
  /** `unavailable`: nobody can say now whether there is such a key. */
  find(identifier: string): Promise<KeyObject | undefined | 'unavailable'>
}

interface Needs {
  outbound: Pick<Outbound, 'getJson'>
  clock: Clock
  /** KC_SECRET_SCANNING_KEYS_URL */
  url: URL
}

/** Bytes, and milliseconds. */
const LIMITS = { limit: 64 * 1024, timeout: 5_000 }
const MINUTE = 60_000
const FRESH = { shortest: 5 * MINUTE, usual: 60 * MINUTE, longest: 24 * 60 * MINUTE }
/** Milliseconds between two fetches, at least: anybody can make up an identifier. */
const COOLDOWN = MINUTE
const MOST_KEYS = 50

const document = z.looseObject({
  public_keys: z
    .array(z.looseObject({ key_identifier: z.string().max(200), key: z.string().max(4096) }))
    .max(MOST_KEYS),
})

/**
 * Kept while they are fresh, and beyond that as long as nobody answers: what is at stake is what the log says of who
 * reported a leak, since whoever holds a credential may kill it in any case.
 */
export function createScannerKeys({ outbound, clock, url }: Needs): ScannerKeys {
  let keys: ReadonlyMap<string, KeyObject> | undefined
  let freshUntil = 0
  let fetchedAt = Number.NEGATIVE_INFINITY
  let underWay: Promise<void> | undefined

  async function fetchKeys(): Promise<void> {
    fetchedAt = clock.now()
    const fetched = await outbound.getJson(url.href, LIMITS)
    const parsed = fetched.ok ? document.safeParse(fetched.value) : undefined
    if (!fetched.ok || !parsed?.success) return
    keys = new Map(
      parsed.data.public_keys.flatMap(({ key_identifier, key }) => {
        const publicKey = p256(key)
        return publicKey ? [[key_identifier, publicKey]] : []
      }),
    )
    freshUntil = clock.now() + freshFor(fetched.headers, clock.now(), FRESH)
  }

  /** Those who come together wait for one fetch. */
  async function refresh(): Promise<void> {
    if (clock.now() - fetchedAt < COOLDOWN) return underWay
    underWay = fetchKeys().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  return {
    async find(identifier) {
      if (clock.now() >= freshUntil || !keys?.has(identifier)) await refresh()
      return keys ? keys.get(identifier) : 'unavailable'
    },
  }
}

/** Of another kind than is documented, a key is no key. */
function p256(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: pem, format: 'pem' })
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined
  } catch {
    return undefined
  }
}
