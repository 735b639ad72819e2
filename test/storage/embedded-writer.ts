// A node of its own for embedded.test.ts to kill: writes tokens, and prints the digest of each that was acknowledged.
import { randomBytes } from 'node:crypto'
import { setImmediate as signals } from 'node:timers/promises'
import { pino } from 'pino'
import { systemClock } from '../../server/clock.ts'
import { openStorage } from '../../server/storage/open.ts'

const [, , dataDir = ''] = process.argv
const settings = { databaseUrl: undefined, redisUrl: undefined, dataDir }
const { state, migrate, vacuum, close } = await openStorage(settings, {
  clock: systemClock,
  log: pino({ level: 'silent' }),
})
await migrate()
process.stdout.write('open\n')

let stopped = false
process.on('SIGTERM', () => {
  stopped = true
})

for (let count = 1; !stopped; count++) {
  const digest = randomBytes(32).toString('base64url')
  await state.live.putToken(digest, 'x'.repeat(150), Date.now() + 3_600_000)
  process.stdout.write(`${digest}\n`)
  await signals()
  // Maintenance must not lose anything either.
  if (count % 200 === 0) await vacuum()
}
await close()
