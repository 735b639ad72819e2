import type { Operation } from '../operation.ts'

/** `apiKeysRotate` of `POST /v1/api-keys/:id/rotate`: what a generated client calls it. */
export function operationIdOf(operation: Operation, operations: readonly Operation[]): string {
  const segments = operation.path.split('/').slice(2)
  const words = segments.filter((segment) => segment !== ':id')
  return camelCase([...words, ...verbOf(operation, operations)].join('-'))
}

/** What the path doesn't say: nothing, where it ends in a verb. */
function verbOf({ method, path, answer }: Operation, operations: readonly Operation[]): string[] {
  if (method === 'GET')
    return [answer && 'shape' in answer && 'next_cursor' in (answer.shape as object) ? 'list' : 'get']
  if (method === 'PATCH') return ['update']
  if (method === 'DELETE') return ['delete']
  const isCollection = operations.some((other) => other.method === 'GET' && other.path === path)
  if (isCollection) return ['create']
  return path.includes(':id') ? [] : ['several']
}

const camelCase = (words: string): string => words.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())

/** The resource: `api-keys`. */
export const tagOf = ({ path }: Operation): string => path.split('/')[2] ?? ''

/** RFC 6570, as OpenAPI writes paths. */
export const templateOf = ({ path }: Operation): string => path.replaceAll(':id', '{id}')
