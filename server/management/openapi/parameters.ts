import type { Operation } from '../operation.ts'
import { isRepeatable } from '../repeatable.ts'
import type { Schemas } from './schemas.ts'

/** Parameters that operations share. */
export const PARAMETERS = {
  Id: { name: 'id', in: 'path', required: true, description: 'The record’s id.', schema: { type: 'string' } },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Makes it safe to send again: the same key with the same request is answered as it was the first time, for 24 hours, ' +
      'if it comes with the same credential. The answer is kept sealed under that credential.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  },
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    description: 'RFC 9110 §13.1.1: an `ETag` of the record. If somebody has changed it since, nothing happens: 412.',
    schema: { type: 'string' },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: 'RFC 9110 §13.1.2: an `ETag` of the record. If it is still that, the answer is 304.',
    schema: { type: 'string' },
  },
} as const

const shared = (name: keyof typeof PARAMETERS) => ({ $ref: `#/components/parameters/${name}` })

export const parametersOf = (operation: Operation, has: { target: boolean }, schemas: Schemas): object[] => [
  ...(operation.path.includes(':id') ? [shared('Id')] : []),
  ...queryOf(operation, schemas),
  ...(isRepeatable(operation) ? [shared('IdempotencyKey')] : []),
  ...(has.target && operation.method !== 'GET' ? [shared('IfMatch')] : []),
  ...(has.target && operation.method === 'GET' ? [shared('IfNoneMatch')] : []),
]

function queryOf({ query }: Operation, schemas: Schemas): object[] {
  const { properties = {}, required = [] } = query ? schemas.input(query) : {}
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(description !== undefined && { description }),
    ...(required.includes(name) && { required: true }),
    schema,
  }))
}
