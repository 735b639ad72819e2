import { fail, type Result, succeed } from './oauth-error.ts'

/** RFC 6749 §3.3: scope-token *( SP scope-token ). */
const SCOPE_SYNTAX = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/

/**
 * What is granted of `available`: all of it when nothing is requested (a parameter without a value counts as omitted,
 * RFC 6749 §3.1), exactly what is requested otherwise. Stricter than RFC 6749 §3.3, which lets a server grant less
 * in silence: anything beyond is `invalid_scope`, and named.
 */
export function narrowScope(available: readonly string[], requested: string | undefined): Result<readonly string[]> {
  if (!requested) {
    return available.length ? succeed(available) : fail('invalid_scope', 'the client has no scope at this resource')
  }
  if (!SCOPE_SYNTAX.test(requested)) return fail('invalid_scope', 'scope contains characters that no scope has')
  const wanted = [...new Set(requested.split(' '))]
  const beyond = wanted.filter((scope) => !available.includes(scope))
  if (beyond.length) return fail('invalid_scope', 'the client does not have these scopes', { scope: named(beyond) })
  return succeed(wanted)
}

/** Enough to see the mistake; a request can hold thousands. */
const named = (scopes: string[]): string => scopes.slice(0, 20).join(' ').slice(0, 500)
