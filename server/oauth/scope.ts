import { fail, type Result, succeed } from './oauth-error.ts'

/** RFC 6749 §3.3: scope-token *( SP scope-token ). */
const SCOPE_SYNTAX = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/

/** The scopes that a request names, each once; none where it names none (RFC 6749 §3.1: without a value is omitted). */
export function parseScope(requested: string | undefined): Result<readonly string[]> {
  if (!requested) return succeed([])
  if (!SCOPE_SYNTAX.test(requested)) return fail('invalid_scope', 'scope contains invalid characters')
  return succeed([...new Set(requested.split(' '))])
}

/**
 * What is granted of `available`: all of it where nothing is requested, exactly what is requested otherwise. Stricter
 * than RFC 6749 §3.3, which lets a server grant less in silence: anything beyond is `invalid_scope`, and named.
 */
export function narrowScope(available: readonly string[], requested: readonly string[]): Result<readonly string[]> {
  if (!requested.length) {
    return available.length ? succeed(available) : fail('invalid_scope', 'the client has no scope at this resource')
  }
  const beyond = requested.filter((scope) => !available.includes(scope))
  if (beyond.length) return fail('invalid_scope', 'the client does not have these scopes', { scope: named(beyond) })
  return succeed(requested)
}

/** Enough to see the mistake; a request can hold thousands. */
const named = (scopes: string[]): string => scopes.slice(0, 20).join(' ').slice(0, 500)
