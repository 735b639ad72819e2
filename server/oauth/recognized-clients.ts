import { hash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { type Authenticated, refusalReason } from '../credentials/authenticator.ts'
import type { ClientParameters } from './client-authentication.ts'

/**
 * Clients that authenticated here before, by what they showed then: a client shows the same key thousands of times, and to
 * parse and prove it anew costs more than a token does. What is kept of it is a hash, salted by this process, which is
 * never stored. It is a copy that speaks for them: it decides nothing before `isCurrentBy` has found it to be as new as the
 * standings, at every request.
 */
export interface RecognizedClients {
  /**
   * Who showed just this before, if the copy says that they may act from `address`. Undefined for all else, which is
   * `authenticateClient`'s. Uses of the secret are the caller's to count.
   */
  find(authorization: string | undefined, params: ClientParameters, address: string): Authenticated | undefined
  /** That whoever showed this is `client`: by `authenticateClient`, which alone can tell. */
  keep(authorization: string | undefined, params: ClientParameters, client: Authenticated): void
}

interface Needs {
  clock: Clock
  /** How many are kept. About 200 bytes each, besides the copy. */
  capacity?: number
}

export function createRecognizedClients({ clock, capacity = 50_000 }: Needs): RecognizedClients {
  const salt = randomBytes(32).toString('base64url')
  const known = new LRUCache<string, Authenticated>({ max: capacity })
  const printOf = (shown: string) => hash('sha256', salt + shown, 'base64url')

  return {
    find(authorization, params, address) {
      const shown = shownSecret(authorization, params)
      // Leaves the order of use alone, as the registry of clients does.
      const client = shown === undefined ? undefined : known.peek(printOf(shown))
      return client && refusalReason(client, clock.now(), address) === undefined ? client : undefined
    },

    keep(authorization, params, client) {
      const shown = shownSecret(authorization, params)
      if (shown !== undefined) known.set(printOf(shown), client)
    },
  }
}

/**
 * All of a request that says by a secret who it is from, as it came. Undefined if there is none, or anything besides: that
 * is for `presentedClient` to judge. No secret or name that is ever right has a line end in it, so no two are told as one.
 */
function shownSecret(authorization: string | undefined, params: ClientParameters): string | undefined {
  const { client_id, client_secret, client_assertion, client_assertion_type } = params
  if (client_assertion !== undefined || client_assertion_type !== undefined) return undefined
  if (authorization !== undefined) {
    return client_secret === undefined ? `header\n${client_id ?? ''}\n${authorization}` : undefined
  }
  const isWhole = client_id !== undefined && client_secret !== undefined
  return isWhole ? `body\n${client_id}\n${client_secret}` : undefined
}
