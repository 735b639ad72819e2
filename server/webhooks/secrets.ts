import type { MasterKeys } from '../credentials/master-key.ts'
import { isStale, open, seal } from '../credentials/sealed-at-rest.ts'
import type { Database } from '../storage/database.ts'

/** A signature can't be made with a hash of the secret, so it is kept sealed. */
export interface WebhookSecrets {
  readonly current: string
  /** The one before, and until when, in milliseconds, it signs as well. */
  readonly previous?: { readonly secret: string; readonly until: number }
}

/** Whose they are; sealed with them, so that a row's secret opens in no other row. */
export interface WebhookPlace {
  readonly id: string
  readonly tenantId: string
  readonly mode: string
}

const contextOf = ({ id, tenantId, mode }: WebhookPlace): string => `webhook ${id} (${tenantId}, ${mode})`

export const sealSecrets = (masterKeys: MasterKeys, place: WebhookPlace, secrets: WebhookSecrets): string =>
  seal(masterKeys, JSON.stringify(secrets), contextOf(place))

/** @throws {CannotOpen} */
export const openSecrets = (masterKeys: MasterKeys, place: WebhookPlace, sealed: string): WebhookSecrets =>
  JSON.parse(open(masterKeys, sealed, contextOf(place)))

/** The newest first. */
export const signingSecrets = ({ current, previous }: WebhookSecrets, now: number): string[] =>
  previous && now < previous.until ? [current, previous.secret] : [current]

const BATCH = 100

/** What is sealed under an older master key is sealed anew, so that the operator may drop that one. How many were. */
export async function resealSecrets(database: Pick<Database, 'webhook'>, masterKeys: MasterKeys): Promise<number> {
  let resealed = 0
  let last = ''
  for (;;) {
    const rows = await database.webhook.findMany({ where: { id: { gt: last } }, orderBy: { id: 'asc' }, take: BATCH })
    for (const { sealedSecret, ...row } of rows.filter((each) => isStale(masterKeys, each.sealedSecret))) {
      const sealed = sealSecrets(masterKeys, row, openSecrets(masterKeys, row, sealedSecret))
      // Only over what was read: a secret that was rotated meanwhile stands.
      const where = { id: row.id, sealedSecret }
      resealed += (await database.webhook.updateMany({ where, data: { sealedSecret: sealed } })).count
    }
    if (rows.length < BATCH) return resealed
    last = rows.at(-1)?.id as string
  }
}
