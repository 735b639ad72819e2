import { redeem, refresh, type Tokens } from '../../command/person.ts'
import type { Ledger } from '../ledger.ts'
import type { Place } from '../place.ts'
import { createPerson } from '../work/people.ts'
import { type ClockCheck, callersOf } from './check.ts'

/** RFC 9700 §4.14.2, whatever the time: one branch. */
export async function checkFamilies(place: Place, ledger: Ledger, count: number): Promise<ClockCheck> {
  const { patient, strict } = place
  const callers = callersOf(place)
  const newCode = createPerson(place, ledger)
  const begin = async (app: Place['strict']) => {
    const code = await newCode(app)
    return code && ((await redeem(callers[0], app, code)).json as Tokens)
  }
  const families: [Place['strict'], Tokens][] = []
  for (let at = 0; at < count; at++) {
    const app = at % 2 ? patient : strict
    const tokens = await begin(app)
    if (tokens) families.push([app, tokens])
  }
  const results: { app: Place['strict']; first: Tokens; given: Tokens[] }[] = []

  return {
    async whileOff() {
      for (const [app, first] of families) {
        const answers = await Promise.all(
          callers.map((caller) =>
            ledger.send('refreshes, two at once', () => refresh(caller, app, first.refresh_token)),
          ),
        )
        const given = answers.flatMap((answer) => (answer?.status === 200 ? [answer.json as Tokens] : []))
        if (new Set(given.map(({ refresh_token }) => refresh_token)).size > 1) {
          ledger.wrong('refreshes, two at once', 'one refresh token was given two successors')
        }
        if (app === strict && given.length > 1) ledger.wrong('refreshes, two at once', 'two won')
        results.push({ app, first, given })
      }
    },
    async afterwards() {
      let alive = 0
      for (const { app, first, given } of results) {
        const successor = given[0]?.refresh_token
        const next = successor && (await refresh(callers[0], app, successor)).status === 200
        if (next) alive += 1
        const again = await refresh(callers[0], app, first.refresh_token)
        if (next && again.status === 200) ledger.wrong('refreshes, two at once', 'two generations are good at once')
      }
      ledger.note('refreshes, two at once', `${alive} of ${results.length} families go on afterwards`)
    },
  }
}

/** RFC 6749 §4.1.2: once, on both nodes together, and not when the clocks agree again. */
export async function checkCodes(place: Place, ledger: Ledger, count: number): Promise<ClockCheck> {
  const { strict } = place
  const callers = callersOf(place)
  const newCode = createPerson(place, ledger)
  const codes: NonNullable<Awaited<ReturnType<typeof newCode>>>[] = []
  const used = new Set<(typeof codes)[0]>()
  return {
    async whileOff() {
      for (let at = 0; at < count; at++) {
        const code = await newCode(strict)
        if (!code) continue
        codes.push(code)
        const answers = await Promise.all(
          callers.map((caller) => ledger.send('code redemptions, two at once', () => redeem(caller, strict, code))),
        )
        const won = answers.filter((answer) => answer?.status === 200).length
        if (won > 1) ledger.wrong('code redemptions, two at once', 'a code was accepted twice')
        if (won) used.add(code)
      }
    },
    async afterwards() {
      for (const code of used) {
        const again = await redeem(callers[0], strict, code)
        if (again.status === 200) ledger.wrong('code redemptions, two at once', 'a code was accepted again')
      }
    },
  }
}
