import { ensureWrk } from './load/wrk.ts'
import { describeCommit, describeMachine } from './machine.ts'
import { compare } from './measures/compare.ts'
import { MEASURES } from './measures/index.ts'
import { latencyOf } from './measures/latency.ts'
import { measureMemory } from './memory/measure.ts'
import { type Options, readOptions } from './options.ts'
import { headline, latencyText, memoryText, rateText } from './report/text.ts'
import { writeResults } from './report/write.ts'
import type { Latency, Rate } from './results.ts'
import { openWorld, type World } from './world.ts'

/** Connections, beside those of the settings. */
const CROWDS = [32, 512]

/** `npm run bench`: see docs/benchmarks.md. What counts is the ratio; absolute figures are the machine's. */
async function main(options: Options): Promise<void> {
  const { clients, rounds, seconds, connections, only } = options
  const wants = (name: string) => only?.includes(name) ?? true
  await ensureWrk()
  const [commit, machine] = await Promise.all([describeCommit(), describeMachine()])
  const about = { at: new Date().toISOString(), commit, machine, settings: { clients, rounds, seconds, connections } }
  print(headline(about))
  const world = await openWorld(options)
  try {
    const rates: Rate[] = []
    const latencies: Latency[] = []
    for (const processes of options.processes) {
      // Others than the floor are no yardstick of how well processes share the work.
      const against = processes === options.processes[0] ? options.against : (['floor'] as const)
      const found = await measureWith(processes, world, { ...options, against }, wants)
      rates.push(...found.rates)
      latencies.push(...found.latencies)
    }
    const crowds = only ? [] : await measureCrowds(world, options)
    const memory = wants('memory') ? await measureMemory(world, options) : undefined
    if (memory) print(memoryText(memory))
    if (!only) await writeResults({ ...about, rates, crowds, latencies, memory })
  } finally {
    await world.close()
  }
}

async function measureWith(processes: number, world: World, options: Options, wants: (name: string) => boolean) {
  const servers = await world.start(processes, options.against)
  const rates: Rate[] = []
  const latencies: Latency[] = []
  for (const measure of MEASURES.filter(({ name }) => wants(name))) {
    const rate = await compare(measure, world, servers, processes, options)
    rates.push(rate)
    print(rateText(rate))
  }
  for (const measure of wants('latency') ? MEASURES : []) {
    const latency = await latencyOf(measure, world, processes, options)
    if (!latency) continue
    latencies.push(latency)
    print(latencyText(latency))
  }
  await servers.stop()
  return { rates, latencies }
}

/** How the promised ratios change with the number of requests under way at once. */
async function measureCrowds(world: World, options: Options): Promise<Rate[]> {
  const servers = await world.start(1, ['floor'])
  const rates: Rate[] = []
  for (const measure of MEASURES.filter(({ promised }) => promised?.ratio !== undefined)) {
    for (const connections of CROWDS) {
      const rate = await compare(measure, world, servers, 1, {
        ...options,
        connections,
        against: ['floor', 'default-floor'],
      })
      rates.push(rate)
      print(rateText(rate))
    }
  }
  await servers.stop()
  return rates
}

const print = (text: string): void => void process.stdout.write(text)

await main(readOptions(process.env, [...MEASURES.map(({ name }) => name), 'latency', 'memory']))
