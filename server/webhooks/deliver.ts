import type { Logger } from 'pino'
import type { Change } from '../audit/change.ts'
import type { Clock } from '../clock.ts'
import type { MasterKeys } from '../credentials/master-key.ts'
import { CannotOpen } from '../credentials/sealed-at-rest.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Database } from '../storage/database.ts'
import { type Claimed, claimDue } from './claim.ts'
import { disableWebhook, hasFailedForLong } from './disable.ts'
import { type AttemptOutcome, CANNOT_SIGN, outcomeOf } from './outcome.ts'
import { nextAttemptAt } from './schedule.ts'
import { openSecrets, signingSecrets } from './secrets.ts'
import { signedHeaders } from './signature.ts'

interface Needs {
  readonly database: Database
  readonly change: Change
  readonly outbound: Pick<Outbound, 'deliver'>
  readonly masterKeys: MasterKeys
  readonly clock: Clock
  readonly log: Pick<Logger, 'error'>
  /** For the jitter: 0 to 1. */
  readonly random?: () => number
  /** Milliseconds that a receiver has. */
  readonly timeout?: number
}

export interface Delivery {
  /** Begins to send what is due, as far as there is room; the rest as soon as there is. Rejects if the database is away. */
  begin(): Promise<void>
  /** Resolves when nothing is due or on its way any more. For tests; a node doesn't wait for its slowest receiver. */
  round(): Promise<void>
  /** Breaks off what is on its way. It is sent again, under the same id, when its lease has ended. */
  stop(): Promise<void>
}

/**
 * On this node at the same time. One hanging receiver, or one tenant with many, leaves room for the others; so do many such
 * tenants together, since nobody gets more places than are free after them.
 */
const MOST_PER_WEBHOOK = 2
const MOST_PER_TENANT = 6
const MOST = 30

const TIMEOUT = 15_000
/** Longer than an attempt with what is written of it can take, clocks that differ a little included. */
const LEASE = 60_000

/** Sends the messages of all tenants' webhooks: at least once, and on no two nodes at the same time. */
export function createDelivery(needs: Needs): Delivery {
  const { database, clock, log } = needs
  const stopping = new AbortController()
  const sending = new Map<Claimed, Promise<void>>()
  let claiming = Promise.resolve()

  const begin = () => {
    // One after the other: what one has claimed takes the next one's room.
    claiming = claiming.catch(() => {}).then(claimAll)
    return claiming
  }

  async function claimAll(): Promise<void> {
    for (;;) {
      const free = MOST - sending.size
      if (stopping.signal.aborted || free <= 0) return
      const now = clock.now()
      const claimed = await claimDue(database, {
        now: new Date(now),
        leaseEnd: new Date(now + LEASE),
        most: free,
        busyWebhooks: busy(MOST_PER_WEBHOOK, ({ webhookId }) => webhookId),
        busyTenants: busy(Math.min(MOST_PER_TENANT, free), ({ tenantId }) => tenantId),
      })
      if (!claimed.length) return
      for (const message of claimed) sending.set(message, send(message))
    }
  }

  function busy(most: number, whose: (message: Claimed) => string): string[] {
    const counts = new Map<string, number>()
    for (const message of sending.keys()) counts.set(whose(message), (counts.get(whose(message)) ?? 0) + 1)
    return [...counts].flatMap(([id, count]) => (count >= most ? [id] : []))
  }

  async function send(message: Claimed): Promise<void> {
    try {
      const outcome = await attempt(needs, message, stopping.signal)
      if (!stopping.signal.aborted) await record(needs, message, outcome)
    } catch (error) {
      // Nothing is lost: the lease ends, and it is sent once more.
      log.error({ err: error, message: message.id }, 'what came of a webhook message was not recorded')
    }
    sending.delete(message)
    if (!stopping.signal.aborted) begin().catch(() => {}) // the next turn of the timer says what is wrong
  }

  return {
    begin,
    async round() {
      await begin()
      while (sending.size) {
        await Promise.all(sending.values())
        await claiming
      }
    },
    async stop() {
      stopping.abort()
      await claiming.catch(() => {})
      await Promise.all(sending.values())
    },
  }
}

async function attempt(needs: Needs, message: Claimed, signal: AbortSignal): Promise<AttemptOutcome> {
  const { outbound, masterKeys, clock, log, timeout = TIMEOUT } = needs
  const { webhookId, tenantId, mode, sealedSecret, url, body } = message
  const now = clock.now()
  let secrets: string[]
  try {
    secrets = signingSecrets(openSecrets(masterKeys, { id: webhookId, tenantId, mode }, sealedSecret), now)
  } catch (error) {
    if (!(error instanceof CannotOpen)) throw error
    log.error({ err: error, webhook: webhookId }, 'a webhook message could not be signed')
    return CANNOT_SIGN
  }
  const headers = { 'content-type': 'application/json', ...signedHeaders(message, secrets, now) }
  return outcomeOf(await outbound.deliver(url, { body, headers, timeout, signal }))
}

async function record(needs: Needs, message: Claimed, { words, delivered, gone }: AttemptOutcome): Promise<void> {
  const { database, change, clock, random = Math.random } = needs
  const { id, attempts } = message
  const now = clock.now()
  const next = delivered || gone ? undefined : nextAttemptAt(attempts, now, random())
  // Who claimed it since then, after this node's lease, says when it is next; that it was delivered stands in any case.
  const where = delivered ? { id } : { id, attempts, deliveredAt: null }
  await database.webhookMessage.updateMany({
    where,
    data: {
      outcome: words,
      nextAt: next === undefined ? null : new Date(next),
      ...(delivered && { deliveredAt: new Date(now) }),
    },
  })
  if (gone) await disableWebhook(change, message, 'gone', new Date(now))
  else if (!delivered && (await hasFailedForLong(database, message, now))) {
    await disableWebhook(change, message, 'failing', new Date(now))
  }
}
