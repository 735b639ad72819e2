import { type Answer, many } from '../../command/caller.ts'
import type { Ledger } from '../ledger.ts'
import type { Place } from '../place.ts'
import { countOtherwise, watchDead } from '../work/tokens.ts'
import { type ClockCheck, callersOf } from './check.ts'

const LIFETIME = 3_600
/** Seconds that a request may take, on a busy machine. */
const SLACK = 60

/** A token never lives longer than it may, by the clock that is right, plus what the other one is off. */
export async function checkTokens(place: Place, ledger: Ledger, count: number): Promise<ClockCheck> {
  const callers = callersOf(place)
  const { live } = place.made
  const old = await many(count, () => callers[0].mint(live))
  const revoked: string[] = []
  const kept: string[] = []

  function judge({ json }: Answer, off: number): boolean {
    if (!json.active) return false
    const left = json.exp - Date.now() / 1000
    const most = LIFETIME + Math.max(0, off / 1000) + SLACK
    if (json.exp - json.iat !== LIFETIME) ledger.wrong('introspections', `lives for ${json.exp - json.iat} s`)
    if (left > most) ledger.wrong('introspections', `has ${Math.round(left)} s left, which are more than ${most}`)
    return true
  }

  return {
    async whileOff(off) {
      let elsewhere = 0
      await many(count * 2, async (at) => {
        const [minting, asking] = at % 2 ? callers : [callers[1], callers[0]]
        const minted = await ledger.send('mints', () => minting.token(live))
        if (minted?.status !== 200) return ledger.wrong('mints', `${minted?.status} ${minted?.text}`)
        const { access_token: token, expires_in } = minted.json
        if (!(expires_in > 0 && expires_in <= LIFETIME)) ledger.wrong('mints', `expires_in is ${expires_in}`)
        const own = await ledger.send('introspections', () => minting.introspect(live, token))
        if (!own || !judge(own, off)) ledger.wrong('mints', 'the node that minted it says inactive')
        const other = await ledger.send('introspections', () => asking.introspect(live, token))
        if (other && judge(other, off)) elsewhere += 1
        if (at % 4 < 2) return kept.push(token)
        const revoking = at % 8 < 4 ? minting : asking
        await ledger.send('token revocations', () => revoking.revoke(live, token))
        // Where it is taken for expired there is nothing to revoke, and RFC 7009 §2.2 answers 200 all the same.
        revoked.push(token)
        await watchDead(place, ledger, 'token revocations', [token])
      })
      ledger.note('mints', `of ${count * 2} tokens ${elsewhere} were active at the other node`)
      await many(Math.ceil(count / 4), async (at) => {
        const [creating, revoking] = at % 2 ? callers : [callers[1], callers[0]]
        const body = { kind: 'standard', name: `clock ${at}` }
        const made = await ledger.send('key creations', () => creating.api('POST', '/v1/api-keys', live.api_key, body))
        if (made?.status !== 201) return ledger.wrong('key creations', `${made?.status} ${made?.text}`)
        const minted = await ledger.send('mints', () => creating.token(made.json))
        const path = `/v1/api-keys/${made.json.id}`
        const gone = await ledger.send('key revocations', () => revoking.api('DELETE', path, live.api_key))
        if (gone?.status !== 204) return ledger.wrong('key revocations', `${gone?.status} ${gone?.text}`)
        revoked.push(made.json.api_key, minted?.json?.access_token)
        await watchDead(place, ledger, 'key revocations', [made.json.api_key, minted?.json?.access_token])
      })
    },
    async afterwards() {
      ledger.lost('token revocations', await countOtherwise(place, revoked, false))
      const inactive = await countOtherwise(place, old, true)
      if (inactive) ledger.note('mints', `${inactive} of ${old.length} tokens from before ended early`)
      const answers = await many(kept.length, (at) => callers[0].introspect(live, kept[at] as string))
      const alive = answers.filter((answer) => judge(answer, 3_600_000)).length
      ledger.note('mints', `${alive} of ${kept.length} tokens from meanwhile are active now`)
    },
  }
}
