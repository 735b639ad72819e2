import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import type { Standing, StateStore } from '../storage/state-store.ts'

/** The standings of a mode as they are now: from the hot store, or from the database where it has none. */
export interface Standings {
  /** In the order asked; undefined for what doesn't exist. */
  read(refs: readonly string[]): Promise<(Standing | undefined)[]>
  /** The same from the hot store alone: undefined for what it doesn't know, though it may exist. */
  readHot(refs: readonly string[]): Promise<(Standing | undefined)[]>
}

interface Needs {
  mode: Mode
  database: Pick<Database, 'standing'>
  state: Pick<StateStore, 'standings' | 'raiseStandings'>
}

export function createStandings(needs: Needs): Standings {
  const { state } = needs
  const load = createLoad(needs)
  return {
    readHot: (refs) => state.standings(refs),

    async read(refs) {
      const known = await state.standings(refs)
      if (!known.includes(undefined)) return known
      const found = await load(refs.filter((_, at) => known[at] === undefined))
      return refs.map((ref, at) => known[at] ?? found.get(ref))
    },
  }
}

type Found = ReadonlyMap<string, Standing>

/**
 * Whatever one turn misses is read by one query: when the hot store is empty, or has forgotten what came to it together,
 * everybody's is missed at once. A query that has begun is joined by nobody: it may be older than the question.
 */
function createLoad({ mode, database, state }: Needs): (refs: readonly string[]) => Promise<Found> {
  let wanted = new Set<string>()
  let loading: Promise<Found> | undefined

  async function query(): Promise<Found> {
    await nextTurn()
    const refs = [...wanted]
    wanted = new Set()
    loading = undefined
    // Another node may commit a change between this read and the raise: raising never goes back to an older version.
    const rows = await database.standing.findMany({ where: { ref: { in: refs }, mode } })
    const found = rows.map(({ ref, version, epoch }) => ({ ref, version, epoch }))
    if (found.length) await state.raiseStandings(found)
    return new Map(found.map((standing) => [standing.ref, standing]))
  }

  return (refs) => {
    for (const ref of refs) wanted.add(ref)
    loading ??= query()
    return loading
  }
}
