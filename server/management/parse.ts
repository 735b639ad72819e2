import { z } from 'zod'
import { type Body, readBody } from '../http/body.ts'
import type { RequestContext } from '../http/context.ts'
import { ApiError } from '../http/problem.ts'
import type { Caller } from './caller.ts'
import type { Operation, OperationRequest } from './operation.ts'
import { wrongTexts } from './wrong-text.ts'

/** Bytes. The largest body of the API is a few hundred scopes. */
const BODY_LIMIT = 64 * 1024

const RECORD_ID = /^[a-z]{2,8}_[a-z2-7]{8,32}$/

const NO_QUERY = z.strictObject({})

/** Whoever has more than that wrong has enough to begin with. */
const MOST_FIELDS = 50

/** Undefined where none is wanted, or what comes is no JSON. */
export const receiveBody = async ({ body }: Operation, ctx: RequestContext): Promise<Body | undefined> =>
  body && ctx.is('json') ? readBody(ctx.req, BODY_LIMIT) : undefined

/** What of a request an operation is handed: nothing that its schemas don't know. @throws {ApiError} */
export function parseRequest(
  operation: Operation,
  ctx: RequestContext,
  { caller, received }: { caller: Caller; received: Body | undefined },
): OperationRequest<unknown, unknown> {
  const { id = '' } = (ctx as unknown as { params: { id?: string } }).params
  if (operation.path.includes(':id') && !RECORD_ID.test(id)) throw new ApiError('not_found')
  const query = parse(operation.query ?? NO_QUERY, { ...ctx.query }, '?')
  const body = operation.body ? parse(operation.body, readJson(received), '/') : undefined
  return { caller, id, query, body, mediaType: mediaTypeOf(operation, ctx) }
}

/** RFC 9110 §12.5.1. What can't be had is answered as JSON, as it allows. */
const mediaTypeOf = ({ otherAnswers = {} }: Operation, ctx: RequestContext): string =>
  ctx.accepts('application/json', ...Object.keys(otherAnswers)) || 'application/json'

function parse(schema: z.ZodType, input: unknown, root: '/' | '?'): unknown {
  const wrong = wrongTexts(input)
  const result = wrong.length ? undefined : schema.safeParse(input)
  if (result?.success) return result.data
  const fields = [...wrong, ...(result?.error.issues ?? []).flatMap(wrongFields)]
    .slice(0, MOST_FIELDS)
    .map(({ path, detail }) => ({ pointer: pointerTo(path, root), detail }))
  throw new ApiError('validation_failed', { fields })
}

/** A member that nobody knows is wrong itself, and not what it is in. */
const wrongFields = ({ path, message, ...issue }: z.core.$ZodIssue) =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: [...path, key], detail: 'no such field' }))
    : [{ path, detail: message }]

/** RFC 6901 §3: `~` and `/` are escaped. Names are the caller's own and may be long. */
const pointerTo = (path: readonly PropertyKey[], root: '/' | '?'): string => {
  const segments = path.map((part) => String(part).slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1'))
  return path.length ? root + segments.join('/') : ''
}

const BODY_FAILURES = {
  too_large: ['the body is too large', 413],
  encoded: ['the body must not be compressed', 415],
  aborted: ['the body did not arrive', 400],
} as const

function readJson(body: Body | undefined): unknown {
  const wrong = (detail: string, status?: number) =>
    new ApiError('validation_failed', { detail, ...(status && { status }), fields: [{ pointer: '', detail }] })
  if (!body) throw wrong('the body must be application/json', 415)
  if (!body.ok) {
    const [detail, status] = BODY_FAILURES[body.failure]
    throw wrong(detail, status)
  }
  try {
    return JSON.parse(body.text)
  } catch {
    throw wrong('the body is not JSON')
  }
}
