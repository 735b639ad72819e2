import type { Answer } from './acting/http.ts'
import type { Finding } from './check.ts'

export const passed = (seen: string): Finding => ({ outcome: 'passed', seen })
export const failed = (seen: string): Finding => ({ outcome: 'failed', seen })
export const notOffered = (seen: string): Finding => ({ outcome: 'not offered', seen })
export const judge = (holds: boolean, seen: string): Finding => (holds ? passed(seen) : failed(seen))

/** Thrown where what a check needs turns out not to be there. */
export class NotOffered extends Error {}

/** Thrown where the server doesn't let a check get to its question. */
export class Blocked extends Error {}

/** Status and error of an answer, as a person would read them out. */
export function describe(answer: Answer): string {
  const { status, body } = answer
  const { error, error_description } = body
  if (typeof error !== 'string') return `${status}${contentOf(answer)}`
  return `${status} ${error}${typeof error_description === 'string' ? ` (${error_description})` : ''}`
}

function contentOf({ body, headers, isJson }: Answer): string {
  if (isJson) return ` with ${named(Object.keys(body))}`
  const location = headers.get('location')
  if (location) return ` to ${location.split(/[?#]/)[0]}`
  return ` ${headers.get('content-type') ?? 'without content'}`
}

const MOST_NAMES = 8

const named = (members: readonly string[]): string =>
  members.length > MOST_NAMES ? `${members.length} members` : members.join(', ') || 'no members'

/** A refusal is an answer of 4xx: whatever breaks the server is none, and tokens are none. */
export const isRefusal = ({ status, body }: Answer): boolean =>
  status >= 400 && status < 500 && body.access_token === undefined

/** Refused, and with one of these error codes if there are any. */
export const refused = (answer: Answer, ...errors: readonly string[]): Finding =>
  judge(isRefusal(answer) && (errors.length === 0 || errors.includes(String(answer.body.error))), describe(answer))

/** RFC 6749 §5.1. */
export const granted = (answer: Answer): Finding =>
  judge(answer.status === 200 && typeof answer.body.access_token === 'string', describe(answer))

/** The first that doesn't hold decides; where all hold, the last one speaks. */
export async function all(...findings: readonly (Finding | Promise<Finding>)[]): Promise<Finding> {
  const found = await Promise.all(findings)
  return found.find(({ outcome }) => outcome !== 'passed') ?? found.at(-1) ?? passed('nothing')
}
