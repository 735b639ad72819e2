import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { run, temporaryDirectory } from '../command/process.ts'
import { createTestDatabase, createTestRedis } from '../services/spaces.ts'
import { checkCodes, checkFamilies } from './clock/people.ts'
import { checkProofs } from './clock/proofs.ts'
import { checkTokens } from './clock/tokens.ts'
import { type Fault, FULL, type Row } from './fault.ts'
import { createLedger } from './ledger.ts'
import { type Node, startPlace } from './place.ts'

const HOUR = 3_600_000

/** One node's clock is an hour ahead, then an hour behind; the other one's is right. */
const clockJumps = (deployment: string, withRedis: boolean): Fault => ({
  name: 'clock jumps',
  deployment,
  async run(scale = FULL) {
    const file = join(await temporaryDirectory(), 'clock')
    const shifting = {
      NODE_OPTIONS: `--import=${new URL('./clock/shifted.mjs', import.meta.url).href}`,
      FAULT_CLOCK: file,
    }
    const stores = {
      DATABASE_URL: await createTestDatabase(),
      ...(withRedis && { REDIS_URL: await createTestRedis() }),
    }
    const place = await startPlace(stores, [{}, shifting])
    const [, shifted] = place.nodes as [Node, Node]
    const rows: Row[] = []
    let off = 0
    async function jump(to: number): Promise<void> {
      off = to
      await writeFile(file, String(off))
      const told = shifted.output().length
      shifted.signal('SIGUSR2')
      while (!shifted.output().includes(`clock off by ${off} ms`, told)) await after(10)
    }
    try {
      for (const [name, milliseconds] of [
        ['an hour ahead', HOUR],
        ['an hour behind', -HOUR],
      ] as const) {
        const ledger = createLedger({ asynchronous: false, quick: scale.quick })
        const count = Math.ceil(scale.requests / 10)
        const checks = [
          await checkTokens(place, ledger, count),
          await checkFamilies(place, ledger, Math.min(count, 30)),
          await checkCodes(place, ledger, Math.min(count, 30)),
          await checkProofs(place, ledger, count),
        ]
        await jump(milliseconds)
        for (const { whileOff } of checks) await whileOff(off)
        if (!scale.quick && !withRedis) await after(SWEPT_WITHIN)
        await jump(0)
        for (const { afterwards } of checks) await afterwards()
        rows.push(...ledger.rows(`one node's clock is ${name}`))
      }
      rows.push(await checkDoctor({ ...place.environment, ...shifting }, file))
    } finally {
      await place.end()
    }
    return rows
  },
})

/** Milliseconds in which each node has removed what it takes for expired. */
const SWEPT_WITHIN = 80_000

/** `keycourt doctor` says so, on the machine whose clock is off. */
async function checkDoctor(environment: Record<string, string | undefined>, file: string): Promise<Row> {
  await writeFile(file, String(HOUR))
  const ledger = createLedger({ asynchronous: false, quick: true })
  const { output } = await run(['doctor', '--json'], { ...environment, FAULT_CLOCK_NOW: 'on' })
  if (!/its clock is 3[56]\d\d\.\d s (behind|ahead of) this machine's/.test(output))
    ledger.wrong('doctor', 'says nothing of the clock')
  ledger.note('doctor', "`keycourt doctor` names each store whose clock is off from this machine's")
  return ledger.rows('doctor')[0] as Row
}

export const clockJumpsOnCluster = clockJumps('cluster', true)
export const clockJumpsOnPostgres = clockJumps('database', false)
