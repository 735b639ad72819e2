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

export const createStandings = ({ mode, database, state }: Needs): Standings => ({
  readHot: (refs) => state.standings(refs),

  async read(refs) {
    const known = await state.standings(refs)
    if (!known.includes(undefined)) return known
    const missing = refs.filter((_, at) => known[at] === undefined)

    // Another node may commit a change between this read and the raise: raising never goes back to an older version.
    const rows = await database.standing.findMany({ where: { ref: { in: missing }, mode } })
    const found = rows.map(({ ref, version, epoch }) => ({ ref, version, epoch }))
    if (found.length) await state.raiseStandings(found)
    return refs.map((ref, at) => known[at] ?? found.find((standing) => standing.ref === ref))
  },
})
