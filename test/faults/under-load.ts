import type { Row, Scale } from './fault.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { type Load, startLoad, type Work } from './load.ts'
import { type Place, ready } from './place.ts'
import { codeRedemptions, codesTwice } from './work/codes.ts'
import { refreshes, refreshesTwice, strictRefreshes } from './work/families.ts'
import { keyCreations, keyRevocations } from './work/keys.ts'
import { createPerson } from './work/people.ts'
import { proofs } from './work/proofs.ts'
import { mints, revocations } from './work/tokens.ts'

async function worksOf(place: Place, ledger: Ledger): Promise<Work[]> {
  const newCode = createPerson(place, ledger)
  return [
    mints(place, ledger),
    revocations(place, ledger),
    keyCreations(place, ledger),
    keyRevocations(place, ledger),
    codeRedemptions(place, ledger, newCode),
    codesTwice(place, ledger, newCode),
    refreshes(place, ledger, newCode),
    refreshesTwice(place, ledger, newCode),
    strictRefreshes(place, ledger, newCode),
    await proofs(place, ledger),
  ]
}

interface Hurt {
  readonly name: string
  /** Whether a store that fails over may lose what it had not copied yet. */
  readonly asynchronous?: boolean
  /** Breaks something, waits for load to meet it, and mends what doesn't mend by itself. */
  act(load: Pick<Load, 'more' | 'failures'>): Promise<void>
}

/** Load before, while and after something is broken; then whether everything is as it was answered. */
export async function underLoad(place: Place, { requests, lanes, quick }: Scale, hurt: Hurt): Promise<Row[]> {
  const { name, asynchronous = false, act } = hurt
  const ledger = createLedger({ asynchronous, quick })
  const works = await worksOf(place, ledger)
  const load = startLoad(works, ledger, lanes)
  /** Every kind of request succeeds (again). */
  const goesWell = async () => {
    const before = ledger.successes()
    const isWell = ({ requests: kind }: Work) => (ledger.successes().get(kind) ?? 0) > (before.get(kind) ?? 0)
    const until = performance.now() + PATIENCE
    while (!works.every(isWell) && performance.now() < until) await load.more(10)
    return works.filter((work) => !isWell(work)).map(({ requests: kind }) => kind)
  }
  const known = place.nodes.map((node) => failuresLogged(node.output()).length)
  try {
    await goesWell()
    await load.more(requests)
    await act(load)
    const began = performance.now()
    await ready(place)
    const took = performance.now() - began
    ledger.note('all', `${(took / 1000).toFixed(1)} s later all nodes were ready`)
    for (const kind of await goesWell()) ledger.wrong(kind, 'does not succeed any more')
    await load.more(requests)
  } finally {
    await load.stop()
  }
  for (const work of works) await work.check()
  for (const [at, node] of place.nodes.entries()) {
    for (const line of failuresLogged(node.output()).slice(known[at])) ledger.wrong('all', `node ${at} logged: ${line}`)
  }
  return ledger.rows(name)
}

/** What a node took for a mistake of ours. */
const failuresLogged = (output: string): string[] =>
  output.split('\n').filter((line) => line.includes('"msg":"a request failed"'))

/** Milliseconds. */
const PATIENCE = 60_000
