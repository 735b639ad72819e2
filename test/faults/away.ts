import type { TestServer } from '../services/postgres.ts'
import { type CutNetwork, startCuttable } from '../services/proxy.ts'
import type { Row, Scale } from './fault.ts'
import type { Place } from './place.ts'
import { underLoad } from './under-load.ts'

interface Store {
  readonly server: TestServer
  /** Between the nodes and it. */
  readonly network: CutNetwork
}

interface Absence {
  readonly name: string
  readonly isQuick: boolean
  begin(store: Store): Promise<void> | void
  end(store: Store): Promise<void> | void
}

const ABSENCES: readonly Absence[] = [
  {
    name: 'stalled (SIGSTOP)',
    isQuick: true,
    begin: ({ server }) => server.suspend(),
    end: ({ server }) => server.resume(),
  },
  {
    name: 'killed, and started again',
    isQuick: true,
    begin: ({ server }) => server.stop(),
    end: ({ server }) => server.start(),
  },
  {
    name: 'cut off, connections refused',
    isQuick: false,
    begin: ({ network }) => network.refuse(),
    end: ({ network }) => network.pass(),
  },
  {
    name: 'cut off, connections reset',
    isQuick: false,
    begin: ({ network }) => network.reset(),
    end: ({ network }) => network.pass(),
  },
  {
    name: 'cut off, nothing gets through',
    isQuick: true,
    begin: ({ network }) => network.blackhole(),
    end: ({ network }) => network.pass(),
  },
]

/** One deployment that loses a store in every way, one after the other, and recovers each time by itself. */
export async function inEveryWay(
  server: TestServer,
  scale: Scale,
  startPlace: (storeUrl: string) => Promise<Place>,
): Promise<Row[]> {
  const store = { server, network: await startCuttable(server.url) }
  const place = await startPlace(store.network.url)
  const rows: Row[] = []
  try {
    for (const { name, begin, end } of ABSENCES.filter(({ isQuick }) => isQuick || !scale.quick)) {
      rows.push(
        ...(await underLoad(place, scale, {
          name,
          async act(load) {
            await begin(store)
            const steps = Math.min(scale.requests, MOST)
            // Much goes on without it. What doesn't waits for the deadline of its store.
            await Promise.all([load.more(steps), load.failures(Math.ceil(steps / 20))])
            await end(store)
          },
        })),
      )
    }
  } finally {
    await place.end()
    await store.network.remove()
    await server.remove()
  }
  return rows
}

/** Steps while a store is away: some of them wait for its deadline. */
const MOST = 200
