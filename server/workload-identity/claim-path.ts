import type { Claims } from './model.ts'

/** RFC 6901 §3: after a `~` only these mean something. */
const WRONG_ESCAPE = /~(?![01])/

/** Whether a name that begins with `/` is a pointer; any other is a claim's own name, whatever is in it. */
export const isClaimPath = (name: string): boolean =>
  name.startsWith('/') ? !WRONG_ESCAPE.test(name) && name.length > 1 : name.length > 0

/**
 * A top-level claim by its name, or one inside others by RFC 6901 pointer: `/kubernetes.io/namespace`. Own members of
 * objects only, so that neither prototypes nor the places of a list answer.
 */
export function claimAt(claims: Claims, name: string): unknown {
  if (!isClaimPath(name)) return undefined
  const segments = name.startsWith('/') ? name.slice(1).split('/').map(unescaped) : [name]
  return segments.reduce<unknown>(memberOf, claims)
}

/** RFC 6901 §4: `~1` first, so that `~01` becomes `~1` and no `/`. */
const unescaped = (segment: string): string => segment.replaceAll('~1', '/').replaceAll('~0', '~')

const memberOf = (parent: unknown, name: string): unknown =>
  typeof parent === 'object' && parent !== null && !Array.isArray(parent) && Object.hasOwn(parent, name)
    ? (parent as Claims)[name]
    : undefined
