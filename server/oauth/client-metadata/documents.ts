import { LRUCache } from 'lru-cache'
import type { Clock } from '../../clock.ts'
import { freshFor } from '../../outbound/freshness.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { fail, type Result } from '../oauth-error.ts'
import { type ClientDocument, parseDocument } from './document.ts'

/** What clients say of themselves at their URLs: fetched by whoever asks first, then remembered. */
export interface ClientDocuments {
  read(url: string): Promise<Result<ClientDocument>>
}

interface Needs {
  outbound: Pick<Outbound, 'getJson'>
  clock: Clock
}

/** draft-ietf-oauth-client-id-metadata-document §8.7: 5 kilobytes are recommended. */
const LIMIT = 5 * 1024
/** Milliseconds. */
const TIMEOUT = 5_000
const MOST_DOCUMENTS = 1_000
const MOST_FLIGHTS = 20
/** A host that hangs must not keep all others from being asked. */
const MOST_FLIGHTS_PER_HOST = 4
/** Milliseconds after a failure in which nobody is sent to that URL again. */
const COOLDOWN = 10_000
const MINUTE = 60_000
/** draft-ietf-oauth-client-id-metadata-document §5.2: as HTTP says, within bounds of ours. */
const FRESH = { shortest: MINUTE, usual: 60 * MINUTE, longest: 24 * 60 * MINUTE }

interface Copy {
  readonly answer: Result<ClientDocument>
  readonly freshUntil: number
}

/** Anybody can name a URL, so fetches are bounded: in size and time, in number, and one at a time for each URL. */
export function createClientDocuments({ outbound, clock }: Needs): ClientDocuments {
  const copies = new LRUCache<string, Copy>({ max: MOST_DOCUMENTS })
  /** Of what failed only the time is kept: §5.2 forbids to cache errors and invalid documents. */
  const restUntil = new LRUCache<string, number>({ max: MOST_DOCUMENTS })
  const flights = new Map<string, Promise<Result<ClientDocument>>>()

  async function fetchDocument(url: string): Promise<Result<ClientDocument>> {
    const fetched = await outbound.getJson(url, { limit: LIMIT, timeout: TIMEOUT })
    const now = clock.now()
    const answer = fetched.ok ? parseDocument(fetched.value, url, now) : unfetched(fetched.reason)
    if (fetched.ok && answer.ok) {
      copies.set(url, { answer, freshUntil: now + freshFor(fetched.headers, now, FRESH) })
    } else {
      copies.delete(url)
      restUntil.set(url, now + COOLDOWN)
    }
    return answer
  }

  function isCrowded(url: string): boolean {
    const { host } = new URL(url)
    const sameHost = [...flights.keys()].filter((other) => new URL(other).host === host)
    return flights.size >= MOST_FLIGHTS || sameHost.length >= MOST_FLIGHTS_PER_HOST
  }

  return {
    async read(url) {
      const now = clock.now()
      const copy = copies.get(url)
      if (copy && now < copy.freshUntil) return copy.answer
      const flight = flights.get(url)
      if (flight) return flight
      const rest = (restUntil.get(url) ?? 0) - now
      if (rest > 0) return notNow('the client metadata document failed a moment ago; try again', Math.ceil(rest / 1000))
      if (isCrowded(url)) return notNow('too many client metadata documents are being fetched; try again', 1)
      const departing = fetchDocument(url).finally(() => flights.delete(url))
      flights.set(url, departing)
      return departing
    },
  }
}

/** What the other side did is for the log alone: it would tell strangers what this server can reach. */
const unfetched = (reason: string) =>
  fail('invalid_client', 'the client metadata document could not be fetched', { reason: `document_${reason}` })

const notNow = (description: string, retryAfter: number) => fail('temporarily_unavailable', description, { retryAfter })
