import { availableParallelism } from 'node:os'

/** What a run measures, and how long. Read from the environment: see docs/benchmarks.md. */
export interface Options {
  readonly clients: number
  readonly rounds: number
  /** Of each run of the load generator. */
  readonly seconds: number
  /** That the load generator keeps open: so many requests are under way at once. */
  readonly connections: number
  readonly nodeArgs: readonly string[]
  /** How many processes share the port; everything is measured with each. */
  readonly processes: readonly number[]
  /** Names of measures, or undefined for all of them. Such a run keeps no results. */
  readonly only: readonly string[] | undefined
  readonly against: readonly Against[]
  /** Live tokens at which memory is looked at. */
  readonly tokens: number
}

export const AGAINST = ['floor', 'default-floor', 'signature', 'oidc-provider'] as const
/** What a measure is compared with. */
export type Against = (typeof AGAINST)[number]

/** @throws {Error} a sentence that names the variable. */
export function readOptions(environment: NodeJS.ProcessEnv, known: readonly string[]): Options {
  const list = (name: string) => environment[name]?.split(',').filter(Boolean)
  const number = (name: string, fallback: number) => {
    const value = Number(environment[name] || fallback)
    if (!Number.isInteger(value) || value < 1) throw new Error(`${name} is not a whole number from 1.`)
    return value
  }
  const of = <T extends string>(name: string, allowed: readonly T[]) => {
    const names = list(name)
    const wrong = names?.find((each) => !allowed.includes(each as T))
    if (wrong !== undefined) throw new Error(`${name} names "${wrong}"; there are ${allowed.join(', ')}.`)
    return names as T[] | undefined
  }
  const only = of('BENCH_ONLY', known)
  const processes = list('BENCH_PROCESSES')?.map(Number) ?? (only ? [1] : [1, 2])
  return {
    clients: number('BENCH_CLIENTS', 10_000),
    rounds: number('BENCH_ROUNDS', 5),
    seconds: number('BENCH_SECONDS', only ? 5 : 2),
    connections: number('BENCH_CONNECTIONS', 128),
    nodeArgs: environment.BENCH_NODE_ARGS?.split(' ').filter(Boolean) ?? [],
    processes: processes.filter((count) => count >= 1 && count <= Math.max(2, availableParallelism())),
    only,
    against: of('BENCH_AGAINST', AGAINST) ?? (only ? ['floor'] : AGAINST),
    tokens: number('BENCH_TOKENS', 1_000_000),
  }
}
