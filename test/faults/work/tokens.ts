import { type Answer, many } from '../../command/caller.ts'
import { insist, type Ledger } from '../ledger.ts'
import type { Work } from '../load.ts'
import type { Place } from '../place.ts'

const MINTS = 'mints'
const REVOCATIONS = 'token revocations'

const introspectAll = ({ any, made }: Place, tokens: readonly string[]): Promise<Answer[]> =>
  many(tokens.length, (at) => insist(() => any().introspect(made.live, tokens[at] as string)))

/** Whether every one of `tokens` is active, or none: how many are otherwise. */
export async function countOtherwise(place: Place, tokens: readonly string[], active: boolean): Promise<number> {
  return (await introspectAll(place, tokens)).filter(({ json }) => json.active !== active).length
}

/** Milliseconds in which the audit log has taken in whatever waited for PostgreSQL: some 10,000 events go in at a time. */
const TAKEN_IN_WITHIN = 60_000

/** How many of these tokens the audit log doesn't know. */
async function countUnaudited(place: Place, ids: readonly string[]): Promise<number> {
  const entries = await listed(place, '/v1/audit-logs?action=token.minted')
  const known = new Set(entries.map(({ target }) => target.id))
  let missing = ids.filter((id) => !known.has(id))
  const until = performance.now() + TAKEN_IN_WITHIN
  while (missing.length && performance.now() < until) {
    const found = await many(missing.length, (at) => listed(place, `/v1/audit-logs?target=${missing[at]}`))
    missing = missing.filter((_, at) => !found[at]?.length)
  }
  return missing.length
}

/** All of a list of the management API. */
// biome-ignore lint/suspicious/noExplicitAny: who asks knows what is in it.
export async function listed({ any, made: { live } }: Place, path: string): Promise<any[]> {
  const all: unknown[] = []
  const more = path.includes('?') ? '&' : '?'
  for (let cursor = ''; ; ) {
    const at = `${path}${more}limit=100${cursor && `&cursor=${cursor}`}`
    const { json } = await insist(() => any().api('GET', at, live.api_key))
    all.push(...json.data)
    if (json.next_cursor === null) return all
    cursor = json.next_cursor
  }
}

/** The contract: no stale `active: true` on any node after the revoke call has answered. Asked at once, of each. */
export async function watchDead(place: Place, ledger: Ledger, requests: string, texts: readonly string[]) {
  for (const { caller } of place.nodes) {
    for (const text of texts) {
      const answer = await ledger.send('introspections', () => caller.introspect(place.made.live, text))
      if (answer?.json?.active) ledger.wrong(requests, 'answered with 2xx, and then a node said active')
    }
  }
}

export function mints(place: Place, ledger: Ledger): Work {
  const tokens: string[] = []
  return {
    requests: MINTS,
    async step() {
      const answer = await ledger.send(MINTS, () => place.any().token(place.made.live))
      if (answer?.status === 200) tokens.push(answer.json.access_token)
      if (answer && answer.status < 500 && answer.status !== 200) ledger.wrong(MINTS, `refused: ${answer.text}`)
    },
    async check() {
      const answers = await introspectAll(place, tokens)
      const active = answers.filter(({ json }) => json.active)
      ledger.lost(MINTS, answers.length - active.length)
      const ids = active.map(({ json }) => json.jti)
      ledger.lost('audit entries of mints', await countUnaudited(place, ids))
    },
  }
}

export function revocations(place: Place, ledger: Ledger): Work {
  const { live } = place.made
  const revoked: string[] = []
  return {
    requests: REVOCATIONS,
    async step() {
      const minted = await ledger.send(MINTS, () => place.any().token(live))
      if (minted?.status !== 200) return
      const token = minted.json.access_token
      const answer = await ledger.send(REVOCATIONS, () => place.any().revoke(live, token))
      if (answer?.status !== 200) return
      revoked.push(token)
      await watchDead(place, ledger, REVOCATIONS, [token])
    },
    async check() {
      ledger.lost(REVOCATIONS, await countOtherwise(place, revoked, false))
    },
  }
}
