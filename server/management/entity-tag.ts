import type { z } from 'zod'
import { ApiError } from '../http/problem.ts'
import { strongTag } from '../http/strong-tag.ts'
import type { Operation } from './operation.ts'

/** What moves by itself wherever it stands: to use a key is no change that an admin could overwrite. */
const VOLATILE = ['last_used_at', 'last_used_ip', 'last_used_agent']

/**
 * RFC 9110 §8.8.3 of what `get` shows of a record, found in the answer of any operation that shows as much: so it is
 * that of exactly the state the caller was shown, whatever happened since. Undefined where it shows less.
 */
export function entityTag(get: Operation, answer: unknown): string | undefined {
  const members = Object.entries(membersOf(get) ?? {})
  const shown = answer as Record<string, unknown>
  if (!members.every(([name, schema]) => Object.hasOwn(shown, name) || isOptional(schema))) return undefined
  const volatile = new Set([...VOLATILE, ...(get.volatile ?? [])])
  const record = Object.fromEntries(members.map(([name]) => [name, shown[name]]))
  const text = JSON.stringify(record, (name, member) => (volatile.has(name) ? undefined : member))
  return strongTag(text)
}

type Members = Readonly<Record<string, z.ZodType>>

/** Those of a single record; a list has no state of its own. */
function membersOf({ answer }: Pick<Operation, 'answer'>): Members | undefined {
  const members = answer && 'shape' in answer ? ((answer as z.ZodObject).shape as Members) : undefined
  return members && !Object.hasOwn(members, 'next_cursor') ? members : undefined
}

const isOptional = (schema: z.ZodType): boolean => schema.safeParse(undefined).success

/** The operations that show what others are about, by their paths. */
export function recordsOf(operations: readonly Operation[]) {
  const gets = new Map(operations.flatMap((get) => (get.method === 'GET' ? [[get.path, get] as const] : [])))
  const record = (path: string) => {
    const get = gets.get(path)
    return get && membersOf(get) ? get : undefined
  }
  /** What is at the path, or what an action (`…/:id/rotate`) is on: whose state `If-Match` is about. */
  const target = ({ path, method }: Operation): Operation | undefined =>
    gets.has(path) || method !== 'POST' ? record(path) : record(path.slice(0, path.lastIndexOf('/')))

  /** The GET of which an operation's answer shows all: of its target, or of what it makes. */
  function shownBy(operation: Operation): Operation | undefined {
    const get = (operation.method === 'POST' && record(`${operation.path}/:id`)) || target(operation)
    const shown = membersOf(operation) ?? {}
    const all = Object.entries((get && membersOf(get)) ?? {})
    return all.every(([name, schema]) => Object.hasOwn(shown, name) || isOptional(schema)) ? get : undefined
  }
  return { target, shownBy }
}

export type Records = ReturnType<typeof recordsOf>

/** RFC 9110 §8.8.3, §13.1.1: `*`, or tags. */
const LIST = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")*$/
const TAG = /(?:W\/)?"[^"]*"/g

/** Whether a record is as the caller saw it. @throws {ApiError} where the field is none that RFC 9110 knows. */
export function readIfMatch(field: string): (current: string | undefined) => boolean {
  if (field.trim() === '*') return () => true
  if (!LIST.test(field.trim())) {
    throw new ApiError('validation_failed', { status: 400, detail: 'If-Match must be * or entity tags, in quotes' })
  }
  // §8.8.3.2: compared strongly, so that a weak one matches nothing.
  const tags: readonly string[] = field.match(TAG) ?? []
  return (current) => current !== undefined && tags.includes(current)
}
