import { setTimeout as after } from 'node:timers/promises'
import { many, type Pair } from '../../command/caller.ts'
import { insist, type Ledger } from '../ledger.ts'
import type { Work } from '../load.ts'
import type { Place } from '../place.ts'
import { countOtherwise, listed, watchDead } from './tokens.ts'

const CREATIONS = 'key creations'
const REVOCATIONS = 'key revocations'

interface Key extends Pair {
  readonly id: string
  readonly api_key: string
}

let made = 0

/** One name for each key that is wanted, whatever became of earlier tries: that is what Idempotency-Key is for. */
function createCreations(place: Place, ledger: Ledger) {
  const {
    any,
    made: { live },
  } = place
  const unanswered: string[] = []
  const names: string[] = []

  async function create(): Promise<Key | undefined> {
    const name = unanswered.pop() ?? `key-${++made}`
    const headers = { authorization: `Bearer ${live.api_key}`, 'idempotency-key': name }
    const json = { kind: 'standard', name }
    const answer = await ledger.send(CREATIONS, () => any().send('POST', '/v1/api-keys', { headers, json }))
    if (answer?.status === 201) return answer.json
    // 409: the first try made it, and died before it kept what it would have answered.
    if (answer?.status === 409) names.push(name)
    else if (!answer || answer.status >= 500) unanswered.push(name)
    else ledger.wrong(CREATIONS, `refused: ${answer.status} ${answer.text}`)
    return undefined
  }

  async function madeTwice(): Promise<number> {
    const counts = new Map<string, number>()
    for (const { name } of await listed(place, '/v1/api-keys')) counts.set(name, (counts.get(name) ?? 0) + 1)
    if (names.length) ledger.note(CREATIONS, `${names.length} retries were told that the first try had been made`)
    return [...counts].filter(([name, count]) => name.startsWith('key-') && count > 1).length
  }
  return { create, madeTwice }
}

export function keyCreations(place: Place, ledger: Ledger): Work {
  const { create, madeTwice } = createCreations(place, ledger)
  const keys: Key[] = []
  return {
    requests: CREATIONS,
    async step() {
      const key = await create()
      if (key) keys.push(key)
    },
    async check() {
      const answers = await many(keys.length, (at) => insist(() => place.any().token(keys[at] as Key)))
      ledger.lost(CREATIONS, answers.filter(({ status }) => status !== 200).length)
      const twice = await madeTwice()
      if (twice) ledger.wrong(CREATIONS, `${twice} made twice under one Idempotency-Key`)
    },
  }
}

/** Milliseconds: how long a copy of a standing lives in Redis, which the fail-over brought back, and some. */
const HEALED_WITHIN = 125_000

/** Made, used and revoked: with it dies what was minted from it, at the next request of any node. */
export function keyRevocations(place: Place, ledger: Ledger): Work {
  const { create } = createCreations(place, ledger)
  const { any, made: owner } = place
  const dead: { key: Key; token: string }[] = []
  return {
    requests: REVOCATIONS,
    async step() {
      const key = await create()
      const minted = key && (await ledger.send('mints', () => any().token(key)))
      if (!key || minted?.status !== 200) return
      const path = `/v1/api-keys/${key.id}`
      const answer = await ledger.send(REVOCATIONS, () => any().api('DELETE', path, owner.live.api_key))
      if (answer?.status !== 204) return
      dead.push({ key, token: minted.json.access_token })
      await watchDead(place, ledger, REVOCATIONS, [key.api_key, minted.json.access_token])
      const again = await any()
        .token(key)
        .catch(() => undefined)
      if (again?.status === 200) ledger.wrong(REVOCATIONS, 'answered with 2xx, and then the key minted a token')
    },
    async check() {
      const texts = dead.flatMap(({ key, token }) => [key.api_key, token])
      const alive = await countOtherwise(place, texts, false)
      ledger.lost(REVOCATIONS, alive)
      if (!alive || !ledger.asynchronous || ledger.quick) return
      const until = performance.now() + HEALED_WITHIN
      while ((await countOtherwise(place, texts, false)) > 0) {
        if (performance.now() > until) return ledger.wrong(REVOCATIONS, 'not healed from PostgreSQL in time')
        await after(1_000)
      }
      ledger.note(REVOCATIONS, `all ${alive} that Redis had lost were healed from PostgreSQL`)
    },
  }
}
