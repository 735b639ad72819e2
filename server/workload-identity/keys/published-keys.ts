import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { freshFor } from '../../outbound/freshness.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import type { IssuerKeysSource, WorkloadProvider } from '../model.ts'
import { presetOf } from '../presets/index.ts'
import { type KeySet, parseKeySet } from './key-set.ts'

/** Where an issuer publishes its keys. Configured by an administrator; nothing in a token ever leads anywhere. */
export type Published =
  | { readonly by: 'discovery'; readonly issuer: string; readonly url: string }
  | { readonly by: 'jwks_uri'; readonly uri: string }

type Uploaded = Extract<IssuerKeysSource, { by: 'uploaded' }>

export type FetchedKeys =
  | { readonly ok: true; readonly keys: KeySet; readonly freshFor: number }
  /** For administrators: which document, and what was wrong with it, in a word. */
  | { readonly ok: false; readonly reason: string }

interface Needs {
  outbound: Pick<Outbound, 'getJson'>
  clock: Clock
  /** Milliseconds for each of the two documents. */
  timeout: number
}

/** Bytes. Certificate chains beside the keys make sets large. */
const LIMIT = 128 * 1024
const MINUTE = 60_000
const FRESH = { shortest: MINUTE, usual: 10 * MINUTE, longest: 60 * MINUTE }
/** Milliseconds for which a discovery document is believed as long as what it names answers. */
const DISCOVERED_FOR = 24 * 60 * MINUTE

/** OpenID Connect Discovery 1.0 §3, as much as we need. */
const discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.string().max(2048) })

/** Reads the keys of one issuer, and remembers where they are. */
export function createPublishedKeys(published: Published, { outbound, clock, timeout }: Needs) {
  let found: { uri: string; until: number } | undefined

  async function jwksUri(): Promise<{ ok: true; uri: string } | { ok: false; reason: string }> {
    if (published.by === 'jwks_uri') return { ok: true, uri: published.uri }
    if (found && clock.now() < found.until) return { ok: true, uri: found.uri }
    const fetched = await outbound.getJson(published.url, { limit: LIMIT, timeout })
    if (!fetched.ok) return { ok: false, reason: `discovery_${fetched.reason}` }
    const document = discovery.safeParse(fetched.value)
    if (!document.success) return { ok: false, reason: 'discovery_invalid' }
    // OpenID Connect Discovery 1.0 §4.3: to the letter, or anybody's document would do.
    if (document.data.issuer !== published.issuer) return { ok: false, reason: 'discovery_of_another_issuer' }
    found = { uri: document.data.jwks_uri, until: clock.now() + DISCOVERED_FOR }
    return { ok: true, uri: found.uri }
  }

  async function keysAt(uri: string): Promise<FetchedKeys> {
    const accept = 'application/jwk-set+json, application/json'
    const fetched = await outbound.getJson(uri, { limit: LIMIT, timeout, accept })
    if (!fetched.ok) return { ok: false, reason: `jwks_${fetched.reason}` }
    const keys = parseKeySet(fetched.value)
    if (!keys) return { ok: false, reason: 'jwks_invalid' }
    if (keys.length === 0) return { ok: false, reason: 'jwks_without_usable_key' }
    return { ok: true, keys, freshFor: freshFor(fetched.headers, clock.now(), FRESH) }
  }

  return async function fetchKeys(): Promise<FetchedKeys> {
    const where = await jwksUri()
    if (!where.ok) return where
    const fetched = await keysAt(where.uri)
    // The issuer may have moved them: the next time it is asked where they are.
    if (!fetched.ok) found = undefined
    return fetched
  }
}

/** OpenID Connect Discovery 1.0 §4.1: a terminating slash goes before the path is added. */
const belowIssuer = (issuer: string): string => `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`

export function sourceOf({ platform, issuer, keys }: WorkloadProvider): Published | Uploaded {
  if (keys.by !== 'discovery') return keys
  return { by: 'discovery', issuer, url: presetOf(platform).discoveryUrl?.(issuer) ?? belowIssuer(issuer) }
}
