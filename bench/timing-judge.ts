import { randomInt } from 'node:crypto'
import { type Connection, openConnection } from './timing-connection.ts'
import { type Comparison, compare, medianOf, QUANTILES, type Sample } from './timing-statistics.ts'

/** One way to be answered. */
export interface Case {
  readonly name: string
  /** The HTTP request, made before the clock starts. */
  request(): Buffer
  readonly status: number
  /** A case that isn't what it says it is compares nothing. */
  readonly answer: RegExp
}

/** Two cases, by their names, and what is promised of them. */
export interface Pair {
  readonly title: string
  readonly of: readonly [string, string]
  readonly expected: 'equal' | 'different'
}

interface Plan {
  readonly port: number
  /** Of each case. */
  readonly samples: number
  /** Microseconds. */
  readonly threshold: number
}

const WARM_UP = 500

/** How many of `pairs` are not as is promised. */
export async function judge(cases: readonly Case[], pairs: readonly Pair[], plan: Plan): Promise<number> {
  const samples = await sample(cases, plan)
  const print = (line: string) => process.stdout.write(`${line}\n`)
  for (const { name } of cases) print(`       ${name}: median ${format(medianOf(samples.get(name) as Sample))}`)
  const verdicts = pairs.map(({ title, of, expected }) => {
    const [one, other] = of.map((name) => samples.get(name) as Sample) as [Sample, Sample]
    const comparison = compare(one, other, plan.threshold)
    const passed = comparison.verdict === expected
    print(`${passed ? 'ok    ' : 'not ok'} ${title}: ${inWords(comparison)}`)
    return passed
  })
  return verdicts.filter((passed) => !passed).length
}

const VERDICTS = { equal: 'no measurable difference', different: 'DIFFERENT', unclear: 'UNCLEAR, too noisy to tell' }

function inWords({ verdict, differences, superiority }: Comparison): string {
  const shown = differences.map(
    ({ value, interval: [low, high] }, at) =>
      `p${(QUANTILES[at] as number) * 100} ${format(value)} (99 %: ${format(low)} to ${format(high)})`,
  )
  const [low, high] = superiority.interval.map((share) => (share * 100).toFixed(1))
  return `${VERDICTS[verdict]}; ${shown.join(', ')}; longer in ${low} to ${high} %`
}

const format = (microseconds: number): string => `${microseconds.toFixed(1)} µs`

/** Each case as often, in an order that nobody could foresee, so that whatever the machine does besides happens to all. */
async function sample(cases: readonly Case[], { port, samples }: Plan): Promise<Map<string, Sample>> {
  const connection = await openConnection(port)
  for (let each = 0; each < WARM_UP; each++) for (const one of cases) await timed(connection, one)
  const taken = new Map(cases.map(({ name }) => [name, new Float64Array(samples)]))
  for (let at = 0; at < samples; at++) {
    for (const one of shuffled(cases)) (taken.get(one.name) as Sample)[at] = await timed(connection, one)
  }
  connection.close()
  return taken
}

async function timed(connection: Connection, { name, request, status, answer }: Case): Promise<number> {
  const got = await connection.send(request())
  if (got.status !== status || !answer.test(got.body)) throw new Error(`${name}: ${got.status} ${got.body}`)
  return got.microseconds
}

function shuffled<T>(items: readonly T[]): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(randomInt(rest.length), 1)[0] as T)
}
