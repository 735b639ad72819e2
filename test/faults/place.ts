import { setTimeout as after } from 'node:timers/promises'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { type Caller, callerAt } from '../command/caller.ts'
import { createAppAt } from '../command/person.ts'
import { MASTER_KEY } from '../command/postgres.ts'
import { type Environment, type Server, start, temporaryDirectory } from '../command/process.ts'
import type { TestApp } from '../oauth/people.ts'
import { freePorts } from '../services/server-process.ts'

export const ISSUER = 'https://api.example.com'

/** A process that may be killed, and started again where it was. */
export interface Node {
  readonly caller: Caller
  /** What it has logged, in all its lives. */
  output(): string
  signal(name: NodeJS.Signals): void
  kill(): Promise<void>
  start(): Promise<void>
}

/** A deployment to be hurt. */
export interface Place {
  readonly environment: Environment
  readonly nodes: readonly Node[]
  /** One node after the other, as a balancer chooses that knows of no trouble. */
  any(): Caller
  readonly made: Bootstrap
  /** Whose refresh tokens may be presented again for 300 s … */
  readonly patient: TestApp
  /** … and not at all. */
  readonly strict: TestApp
  end(): Promise<void>
}

/** @param each what only one node is given */
export async function startPlace(stores: Environment, each: readonly Environment[] = [{}, {}]): Promise<Place> {
  const environment = {
    ...{ KC_MASTER_KEY: MASTER_KEY, KC_LIVE_URL: ISSUER, KC_SANDBOX_URL: 'https://sandbox.example.com' },
    ...{ KC_HOST: '127.0.0.1', KC_API_RATE_LIMIT: '1000000', ...stores },
  }
  const ports = await freePorts(each.length)
  const nodes: Node[] = []
  let made: Bootstrap | undefined
  for (const [at, own] of each.entries()) {
    const port = ports[at] as number
    const { node, bootstrap } = await startNode(port, { ...environment, ...own, KC_PORT: String(port) })
    nodes.push(node)
    made ??= await bootstrap()
  }
  const [first] = nodes as [Node]
  const { live } = made as Bootstrap
  let turn = 0
  return {
    ...{ environment, nodes, made: made as Bootstrap },
    any: () => (nodes[turn++ % nodes.length] as Node).caller,
    patient: await createAppAt(first.caller, live.api_key, { refresh_retry_window: 300 }),
    strict: await createAppAt(first.caller, live.api_key, { refresh_retry_window: 0 }),
    end: async () => void (await Promise.all(nodes.map((node) => node.kill()))),
  }
}

async function startNode(port: number, environment: Environment) {
  const home = { KC_DATA_DIR: environment.KC_DATA_DIR ?? (await temporaryDirectory()) }
  const begin = () => start({ ...environment, ...home })
  /** As whatever supervises it does: under this load a store may be late once. */
  const beginAgain = async (tries = 5): Promise<Server> =>
    begin().catch((error) => (tries > 1 ? beginAgain(tries - 1) : Promise.reject(error)))
  let past = ''
  let server: Server = await begin()
  const node: Node = {
    caller: callerAt(port, ISSUER),
    output: () => past + server.output() + server.errors(),
    signal: (name) => server.kill(name),
    async kill() {
      server.kill('SIGKILL')
      await server.ended
    },
    async start() {
      past = node.output()
      server = await beginAgain()
    },
  }
  return { node, bootstrap: server.bootstrap }
}

/** Milliseconds. */
const RECOVERY = 60_000

/** Resolves when each node says that it is ready. @throws {Error} if that takes a minute. */
export async function ready({ nodes }: Pick<Place, 'nodes'>): Promise<void> {
  const until = performance.now() + RECOVERY
  for (const { caller } of nodes) {
    for (;;) {
      const answer = await caller.send('GET', '/readyz').catch(() => undefined)
      if (answer?.status === 200) break
      if (performance.now() > until) throw new Error('a node did not become ready by itself')
      await after(50)
    }
  }
}
