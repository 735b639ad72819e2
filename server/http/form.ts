import { parse } from 'node:querystring'
import { fail, type Result, succeed } from '../oauth/oauth-error.ts'
import { readBody } from './body.ts'
import type { EndpointContext } from './context.ts'
import { isRepeated } from './repeated-field.ts'

/** The parameters of an OAuth request, each once, but for those that may repeat. */
export interface Form {
  readonly [name: string]: string | undefined
}

export interface ParsedForm {
  readonly params: Form
  /** RFC 8707 §2: may be repeated. */
  readonly resource: readonly string[]
  /** RFC 8693 §2.1: may be repeated too. */
  readonly audience: readonly string[]
}

/** Largest form in bytes: a token request is small; an introspection may carry whatever somebody took for a token. */
export const TOKEN_FORM_LIMIT = 56 * 1024
export const TOKEN_LOOKUP_LIMIT = 2 * 1024 * 1024

const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i

/** RFC 6749 §3.2 and appendix B. A parameter without a value counts as omitted, a repeated one is an error. */
export async function readForm(ctx: EndpointContext, limit: number): Promise<Result<ParsedForm>> {
  // The one that counts would be anyone's guess; RFC 6749 §2.3: a client authenticates in one way only.
  if (isRepeated(ctx.req, 'content-type')) return fail('invalid_request', 'Content-Type was sent more than once')
  if (isRepeated(ctx.req, 'authorization')) return fail('invalid_request', 'Authorization was sent more than once')
  if (!FORM.test(ctx.get('content-type'))) {
    return fail('invalid_request', 'the body must be application/x-www-form-urlencoded')
  }
  const body = await readBody(ctx.req, limit)
  return body.ok ? parseForm(body.text) : BODY_FAILURES[body.failure]
}

const BODY_FAILURES = {
  too_large: fail('invalid_request', 'the body is too large', { status: 413 }),
  encoded: fail('invalid_request', 'the body must not be compressed', { status: 415 }),
  aborted: fail('invalid_request', 'the body did not arrive'),
}

function parseForm(body: string): Result<ParsedForm> {
  const params: Record<string, string> = Object.create(null)
  const repeatable = { resource: [] as string[], audience: [] as string[] }
  const parsed = parse(body, '&', '=', { maxKeys: 0 })
  for (const name in parsed) {
    const value = parsed[name]
    if (name === 'resource' || name === 'audience') {
      repeatable[name] = [value ?? ''].flat().filter(Boolean)
      if (repeatable[name][0]) params[name] = repeatable[name][0]
    } else if (typeof value !== 'string') {
      return fail('invalid_request', 'a parameter was sent more than once')
    } else if (value) {
      params[name] = value
    }
  }
  return succeed({ params, ...repeatable })
}
