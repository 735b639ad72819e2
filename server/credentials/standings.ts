import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import type { KeptStanding, Standing, StateStore } from '../storage/state-store.ts'

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
  const renew = createRenewal(load)

  async function readHot(refs: readonly string[]): Promise<(Standing | undefined)[]> {
    const known = await state.standings(refs)
    renew(known)
    return known
  }

  return {
    readHot,

    async read(refs) {
      const known = await readHot(refs)
      if (!known.includes(undefined)) return known
      const found = await load(refs.filter((_, at) => known[at] === undefined))
      return refs.map((ref, at) => known[at] ?? found.get(ref))
    },
  }
}

/** What is due is read behind the request that finds it so: all that come to be due meanwhile by the next query. */
function createRenewal(load: (refs: readonly string[]) => Promise<unknown>) {
  const due = new Set<string>()
  let isRenewing = false

  async function renew(): Promise<void> {
    isRenewing = true
    while (due.size) {
      const refs = [...due]
      due.clear()
      // Nobody waits for it, and whoever reads it next tries again; until its end it stands.
      await load(refs).catch(() => {})
    }
    isRenewing = false
  }

  return (known: readonly (KeptStanding | undefined)[]): void => {
    for (const standing of known) if (standing?.isDue) due.add(standing.ref)
    if (due.size && !isRenewing) renew()
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
