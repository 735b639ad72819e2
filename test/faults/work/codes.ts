import { type Answer, many } from '../../command/caller.ts'
import { redeem, type Tokens } from '../../command/person.ts'
import type { Agreed } from '../../oauth/people.ts'
import { insist, type Ledger } from '../ledger.ts'
import type { Work } from '../load.ts'
import type { Place } from '../place.ts'
import type { NewCode } from './people.ts'
import { countOtherwise, watchDead } from './tokens.ts'

const ONCE = 'code redemptions'
const TWICE = 'code redemptions, two at once'

export function codeRedemptions(place: Place, ledger: Ledger, newCode: NewCode): Work {
  const { any, strict } = place
  const redeemed: { code: Agreed; tokens: Tokens }[] = []
  const send = (code: Agreed) => ledger.send(ONCE, () => redeem(any(), strict, code))
  return {
    requests: ONCE,
    async step() {
      const code = await newCode(strict)
      if (!code) return
      const first = await send(code)
      // Nobody knows whether it was used up: who asks again is answered, or told that it was.
      const answer = first && first.status < 500 ? first : await send(code)
      if (answer?.status === 200) redeemed.push({ code, tokens: answer.json })
      if (answer?.status !== 400) return
      if (first === answer) ledger.wrong(ONCE, `a code was refused that nobody had used: ${answer.text}`)
      else ledger.note(ONCE, `a code was used up by a try that got ${first ? 503 : 'no answer'}`)
    },
    async check() {
      const all = redeemed.flatMap(({ tokens }) => [tokens.access_token, tokens.refresh_token])
      ledger.lost(ONCE, await countOtherwise(place, all, true))
      const again = await many(redeemed.length, (at) =>
        insist(() => redeem(any(), strict, redeemed[at]?.code as Agreed)),
      )
      // RFC 6749 §4.1.2.
      ledger.lost(ONCE, again.filter(({ status }) => status === 200).length)
    },
  }
}

/** RFC 6749 §4.1.2: of two at once, at two nodes where there are two, one at most, and then neither. */
export function codesTwice(place: Place, ledger: Ledger, newCode: NewCode): Work {
  const { nodes, strict } = place
  const ended: string[] = []
  return {
    requests: TWICE,
    async step() {
      const code = await newCode(strict)
      if (!code) return
      const answers = await Promise.all(
        [nodes[0], nodes.at(-1)].map((node) =>
          ledger.send(TWICE, () => redeem((node as Place['nodes'][0]).caller, strict, code)),
        ),
      )
      const won = answers.filter((answer): answer is Answer => answer?.status === 200)
      if (won.length > 1) ledger.wrong(TWICE, 'a code was accepted twice')
      if (won.length !== 1 || !answers.some((answer) => answer?.status === 400)) return
      const { access_token, refresh_token } = won[0]?.json ?? {}
      ended.push(access_token, refresh_token)
      await watchDead(place, ledger, TWICE, [access_token, refresh_token])
    },
    async check() {
      ledger.lost(TWICE, await countOtherwise(place, ended, false))
    },
  }
}
