import './outside-vitest.ts'
import { availableParallelism, loadavg } from 'node:os'
import { startPostgres } from '../services/postgres.ts'
import { startRedis } from '../services/redis.ts'
import { FULL, failuresOf, type Row, SMALL } from './fault.ts'
import { summaryOf, tableOf } from './table.ts'
import { end, provide } from './without-vitest.ts'

/**
 * `node bin/dev.mjs test/faults/run.ts [--quick] [names…]`: hurts real deployments under load, and says what was sent, answered and lost. Ends with 1
 * if anything was lost that was answered, or is as it must never be.
 */
const { FAULTS } = await import('./faults.ts')
const words = process.argv.slice(2)
const names = words.filter((word) => !word.startsWith('--'))
const requests = Number(process.env.FAULT_REQUESTS ?? FULL.requests)
const scale = words.includes('--quick') ? SMALL : { ...FULL, requests }

const chosen = FAULTS.filter(
  ({ name, deployment }) => !names.length || names.some((part) => `${name} (${deployment})`.includes(part)),
)
if (!chosen.length) {
  console.error(`No fault is called that. There are: ${[...new Set(FAULTS.map(({ name }) => name))].join(', ')}.`)
  process.exit(2)
}

const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
provide('postgresUrl', postgres.url)
provide('redisUrl', redis.url)

let failures = 0
const results: { fault: string; rows: Row[] }[] = []
try {
  console.log(`${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}, ${scale.requests} steps at a time\n`)
  for (const { name, deployment, cannot, run } of chosen) {
    console.log(`## ${name} (${deployment})\n`)
    const reason = await cannot?.()
    if (reason) {
      console.log(`Not done: ${reason}\n`)
      continue
    }
    // A deployment that doesn't recover at all is told by an error.
    const rows: Row[] | Error = await run(scale).catch((error) => error)
    if (!(rows instanceof Error)) {
      results.push({ fault: `${name} (${deployment})`, rows })
      console.log(`${tableOf(rows)}\n`)
    }
    for (const failure of rows instanceof Error ? [rows.message] : failuresOf(rows)) {
      failures += 1
      console.log(`WRONG: ${failure}`)
    }
  }
} finally {
  await end()
  await Promise.all([postgres.remove(), redis.remove()])
}
console.log(`## Together\n\n${summaryOf(results)}\n`)
console.log(failures ? `${failures} failures` : 'Nothing was lost that was promised.')
process.exitCode = failures ? 1 : 0
