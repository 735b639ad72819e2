import { z } from 'zod'
import type { Operation } from '../operation.ts'
import { exampleOf, type Schema } from './example.ts'
import { folderNameOf, idVariableOf, isCreation, ownerOf } from './resource.ts'

/** One resource: made first, then looked at, changed, and taken away, so that it runs from top to bottom. */
export const folderOf = (resource: string, operations: readonly Operation[]) => ({
  name: resource,
  item: operations
    .filter((operation) => folderNameOf(operation, operations) === resource)
    .sort((one, other) => turnOf(one, resource) - turnOf(other, resource))
    .map((operation) => requestOf(operation, resource)),
})

const TURN = { GET: 1, PATCH: 2, POST: 3, DELETE: 4 } as const
const LAST = 5

/** The folder's own things go before what they are below of. */
function turnOf(operation: Operation, resource: string): number {
  if (isCreation(operation)) return 0
  const isOwners = operation.method === 'DELETE' && ownerOf(operation) !== resource
  return isOwners ? LAST : TURN[operation.method]
}

function requestOf(operation: Operation, resource: string) {
  const { method, path, body } = operation
  const schema = body && schemaOf(body)
  return {
    name: `${method} ${path}`,
    event: [{ listen: 'test', script: { type: 'text/javascript', exec: testsOf(operation, resource) } }],
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

const testsOf = (operation: Operation, resource: string): string[] => [
  `pm.test('answers ${operation.status}', () => pm.response.to.have.status(${operation.status}))`,
  ...(isCreation(operation) ? [`pm.collectionVariables.set('${idVariableOf(resource)}', pm.response.json().id)`] : []),
]
