import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Database } from '../storage/database.ts'

/**
 * Long scope strings are kept once, under their hash, instead of in each of a million live tokens (400 bytes of Redis
 * are all that a token may take). A set never changes, so copies of it are good for ever.
 */
export interface ScopeSets {
  /** What a token's record holds for `scope`. */
  shorten(scope: string): string | Promise<string>
  /** The scope behind what {@link shorten} gave. */
  expand(short: string): string | Promise<string>
}

/** Longer than this, a reference is shorter. */
const INLINE = 80
const REFERENCE = '#'

export function createScopeSets({ database }: { database: Pick<Database, 'scopeSet'> }): ScopeSets {
  const known = new LRUCache<string, string>({ max: 10_000 })
  const references = new LRUCache<string, string>({ max: 10_000 })

  async function write(scope: string): Promise<string> {
    const id = hash('sha256', scope, 'base64url').slice(0, 22)
    await database.scopeSet.createMany({ data: [{ id, scope }], skipDuplicates: true })
    references.set(scope, REFERENCE + id)
    return REFERENCE + id
  }

  async function read(short: string): Promise<string> {
    const { scope } = await database.scopeSet.findUniqueOrThrow({ where: { id: short.slice(1) } })
    known.set(short, scope)
    return scope
  }

  return {
    shorten: (scope) => (scope.length <= INLINE ? scope : (references.get(scope) ?? write(scope))),
    expand: (short) => (short.startsWith(REFERENCE) ? (known.get(short) ?? read(short)) : short),
  }
}
