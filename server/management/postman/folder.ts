import { z } from 'zod'
import type { Operation } from '../operation.ts'
import { exampleOf, type Schema } from './example.ts'
import { folderNameOf, idVariableOf, isCreation, madeIdVariableOf, ownerOf, resourceOf } from './resource.ts'

/** One resource: made first, then looked at, changed, and taken away, so that it runs from top to bottom. */
export const folderOf = (resource: string, operations: readonly Operation[]) => ({
  name: resource,
  item: operations
    .filter((operation) => folderNameOf(operation, operations) === resource)
    .sort((one, other) => turnOf(one, resource) - turnOf(other, resource))
    .map((operation) => requestOf(operation, resource, operations)),
})

const TURN = { GET: 1, PATCH: 2, POST: 3, DELETE: 4 } as const
const LAST = 5

/** The folder's own things go before what they are below of. */
function turnOf(operation: Operation, resource: string): number {
  if (isCreation(operation)) return 0
  const isOwners = operation.method === 'DELETE' && ownerOf(operation) !== resource
  return isOwners ? LAST : TURN[operation.method]
}

function requestOf(operation: Operation, resource: string, operations: readonly Operation[]) {
  const { method, path, body } = operation
  const schema = body && schemaOf(body)
  return {
    name: `${method} ${path}`,
    event: [{ listen: 'test', script: { type: 'text/javascript', exec: testsOf(operation, resource, operations) } }],
    request: {
      method,
      description: [needs(operation), ...(schema ? fieldsOf(schema) : [])].join('\n'),
      url: urlOf(operation),
      ...(schema && {
        header: [{ key: 'Content-Type', value: 'application/json' }],
        body: {
          mode: 'raw',
          raw: JSON.stringify(exampleOf(schema, method), undefined, 2),
          options: { raw: { language: 'json' } },
        },
      }),
    },
  }
}

function urlOf(operation: Operation) {
  const { path, query } = operation
  const [, ...segments] = path.split('/')
  const parameters = Object.keys((query && schemaOf(query).properties) ?? {})
  return {
    raw: `{{base_url}}${path}`,
    host: ['{{base_url}}'],
    path: segments,
    ...(path.includes(':id') && { variable: [{ key: 'id', value: `{{${idVariableOf(ownerOf(operation))}}}` }] }),
    ...(parameters.length && { query: parameters.map((key) => ({ key, value: '', disabled: true })) }),
  }
}

const needs = ({ requires }: Operation): string => (requires ? `Needs \`${requires}\`.` : 'Needs any credential.')

/** As a person fills them in, before they are parsed. */
const schemaOf = (schema: z.ZodType): Schema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as Schema

const fieldsOf = ({ properties = {}, required = [] }: Schema): string[] => [
  '',
  'Fields:',
  '',
  ...Object.keys(properties).map((name) => `- \`${name}\`${required.includes(name) ? '' : ' (optional)'}`),
]

/** What only some may do is refused to others; and nobody's member is changed by running it all. */
function statusesOf(operation: Operation, operations: readonly Operation[]): number[] {
  const owner = ownerOf(operation)
  const isMade = operations.some(
    (other) => isCreation(other) && madeIdVariableOf(other, resourceOf(other, operations)) === idVariableOf(owner),
  )
  const isOnOne = operation.path.includes(':id')
  return [operation.status, ...(operation.only ? [403] : []), ...(isOnOne && !isMade ? [404] : [])]
}

const testsOf = (operation: Operation, resource: string, operations: readonly Operation[]): string[] => [
  `pm.test('answers ${statusesOf(operation, operations).join(' or ')}', () => pm.expect(pm.response.code).to.be.oneOf(${JSON.stringify(statusesOf(operation, operations))}))`,
  ...(isCreation(operation)
    ? [`pm.collectionVariables.set('${madeIdVariableOf(operation, resource)}', pm.response.json().id)`]
    : []),
]
