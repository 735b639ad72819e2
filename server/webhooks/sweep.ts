import type { Clock } from '../clock.ts'
import type { Database } from '../storage/database.ts'
import type { StateStore } from '../storage/state-store.ts'

/** Milliseconds for which the delivery log goes back, and after which what waits for a disabled webhook is given up. */
const KEPT = 30 * 86_400_000

interface Needs {
  readonly database: Pick<Database, '$executeRaw'>
  readonly clock: Clock
}

/** Removes old messages, whatever came of them. */
export const createMessageSweep = ({ database, clock }: Needs): Pick<StateStore, 'sweep'> => ({
  sweep: (limit) => database.$executeRaw`
    DELETE FROM webhook_message WHERE id = ANY (ARRAY(
      SELECT id FROM webhook_message WHERE created_at <= ${new Date(clock.now() - KEPT)}
      LIMIT ${limit} FOR UPDATE SKIP LOCKED))`,
})
