import type { Options } from '../options.ts'
import type { Figures, Other, Rate } from '../results.ts'
import type { Servers, World } from '../world.ts'
import { type Contender, contenders, type Run } from './contenders.ts'
import type { Measure } from './measure.ts'

/** Seconds: until what is hot has been compiled, and what was given up on has been compiled again. */
const WARM_UP = 5
/** For each process, where there are several: every one of them is to know nearly every client, whichever it is that is asked. */
const PASSES = 3

/**
 * A B C A B C …, so that a machine whose speed drifts slows all of them; what counts is the ratio within a round. The
 * first run of each warms up, and isn't counted.
 */
export async function compare(
  measure: Measure,
  world: World,
  servers: Servers,
  processes: number,
  options: Options,
): Promise<Rate> {
  const all = await contenders(measure, world, servers, options)
  const passes = processes === 1 ? 1 : PASSES * processes
  for (const each of all) for (let pass = 0; pass < passes; pass++) await each.warmUp()
  for (const each of all) await each.run(WARM_UP)
  const runs = new Map<Contender, Run[]>(all.map((each) => [each, []]))
  for (let round = 0; round < options.rounds; round++) {
    for (const each of all) runs.get(each)?.push(await each.run(options.seconds))
  }
  const [first, ...rest] = all as [Contender, ...Contender[]]
  const ours = runs.get(first) as Run[]
  const others = rest.map((each): Other => {
    const theirs = runs.get(each) as Run[]
    const ratios = ours.map(({ perSecond }, round) => perSecond / (theirs[round]?.perSecond ?? 0))
    const ratio = { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) }
    return { against: each.against as Other['against'], title: each.title, figures: figuresOf(theirs), ratio }
  })
  const { name, title, promised = {} } = measure
  return { name, title, processes, connections: options.connections, promised, ours: figuresOf(ours), others }
}

function figuresOf(runs: readonly Run[]): Figures {
  const of = (value: (run: Run) => number) => median(runs.map(value))
  const cpu = of((run) => run.cpu)
  return {
    ...{ perSecond: Math.round(of((run) => run.perSecond)), p50: of((run) => run.p50), p99: of((run) => run.p99) },
    cpu: Number.isNaN(cpu) ? null : cpu,
    errors: runs.reduce((sum, { errors }) => sum + errors, 0),
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2
}
