import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { API_ERRORS, type ApiErrorCode } from '../../http/problem.ts'
import type { Operation } from '../operation.ts'
import type { Schemas } from './schemas.ts'

const CODES = Object.keys(API_ERRORS) as ApiErrorCode[]

const problem = z
  .strictObject({
    type: z.templateLiteral(['urn:keycourt:error:', z.enum(CODES)]),
    title: z.string().meta({ description: 'the words for the status' }),
    status: z.int(),
    error: z.enum(CODES).meta({ description: 'what a program decides by' }),
    detail: z.string().meta({ description: 'for people; it may be worded differently tomorrow' }),
    request_id: z.string(),
    scope: z.string().optional().meta({ description: 'insufficient_scope: the one that was missing' }),
    fields: z
      .array(
        z.strictObject({
          pointer: z.string().meta({ description: 'RFC 6901, into the body; `?name` is a parameter' }),
          detail: z.string(),
        }),
      )
      .optional()
      .meta({ description: 'validation_failed: each field that was wrong' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. `error` is one of the listed types, whatever the status.' })

/** Statuses besides those of the table: errors of the same types, said more exactly. */
const MORE_MEANINGS: Readonly<Record<number, string>> = {
  400: 'The request is malformed: a header, the URL, or a body that broke off.',
  412: 'The record isn’t as If-Match says: somebody changed it.',
  413: 'The body is too large.',
  415: 'The body isn’t JSON, or is compressed.',
}

const ANY_OPERATION = [400, 401, 403, 422, 429, 500, 503]

/** Which errors an operation may answer with. */
function statusesOf({ method, path, body }: Operation): number[] {
  const isChange = method !== 'GET'
  return [
    ...ANY_OPERATION,
    ...(path.includes(':') || isChange ? [404] : []),
    ...(isChange ? [409, 412] : []),
    ...(body ? [413, 415] : []),
  ].sort((one, other) => one - other)
}

const nameOf = (status: number): string => (STATUS_CODES[status] ?? '').replaceAll(/[^A-Za-z]/g, '')

export const problemResponsesOf = (operation: Operation) =>
  Object.fromEntries(
    statusesOf(operation).map((status) => [status, { $ref: `#/components/responses/${nameOf(status)}` }]),
  )

/** One for each status. */
export function problemResponses(schemas: Schemas) {
  const schema = schemas.output(problem)
  const statuses = new Set([
    ...Object.values(API_ERRORS).map(({ status }) => status),
    ...Object.keys(MORE_MEANINGS).map(Number),
  ])
  return Object.fromEntries(
    [...statuses].map((status) => [
      nameOf(status),
      {
        description: [...meaningsOf(status)].join('\n'),
        headers: headersOf(status),
        content: { 'application/problem+json': { schema } },
      },
    ]),
  )
}

function* meaningsOf(status: number): Generator<string> {
  if (MORE_MEANINGS[status]) yield MORE_MEANINGS[status]
  for (const code of CODES) {
    if (API_ERRORS[code].status === status) yield `- \`${code}\`: ${API_ERRORS[code].meaning}`
  }
}

const headersOf = (status: number) => ({
  'X-Request-Id': { $ref: '#/components/headers/RequestId' },
  ...([401, 403].includes(status) && { 'WWW-Authenticate': { $ref: '#/components/headers/Challenge' } }),
  ...([409, 429, 503].includes(status) && { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }),
})

/** All types, as Markdown: for whoever reads the document from its beginning. */
export const errorList = (): string =>
  CODES.map((code) => `- \`${code}\` (${API_ERRORS[code].status}): ${API_ERRORS[code].meaning}`).join('\n')
