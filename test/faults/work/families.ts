import type { Answer } from '../../command/caller.ts'
import { redeem, refresh, type Tokens } from '../../command/person.ts'
import { insist, type Ledger } from '../ledger.ts'
import type { Work } from '../load.ts'
import type { Place } from '../place.ts'
import type { NewCode } from './people.ts'
import { countOtherwise, watchDead } from './tokens.ts'

interface Family {
  tokens: Tokens
  /** A use of the refresh token was not answered: nobody knows whether it was used up. */
  isOpen: boolean
  busy: boolean
}

/** Families of an app: the ones that nobody is using just now, and new ones. */
function createFamilies(place: Place, ledger: Ledger, newCode: NewCode, app: Place['patient']) {
  const all = new Set<Family>()

  async function begin(): Promise<Family | undefined> {
    const code = await newCode(app)
    const answer = code && (await ledger.send('code redemptions', () => redeem(place.any(), app, code)))
    if (answer?.status !== 200) return undefined
    const family = { tokens: answer.json, isOpen: false, busy: false }
    all.add(family)
    return family
  }
  return {
    all,
    async use(work: (family: Family) => Promise<void>) {
      const family = [...all].find(({ busy }) => !busy) ?? (await begin())
      if (!family) return
      family.busy = true
      await work(family)
      family.busy = false
    },
    textsOf: () => [...all].flatMap(({ tokens }) => [tokens.access_token, tokens.refresh_token]),
  }
}

const PATIENT = 'refreshes, retried'

/** Attack 79: who was not answered asks again within the retry window, and goes on. There is never a second branch. */
export function refreshes(place: Place, ledger: Ledger, newCode: NewCode): Work {
  const { patient, any } = place
  const families = createFamilies(place, ledger, newCode, patient)
  return {
    requests: PATIENT,
    step: () =>
      families.use(async (family) => {
        const answer = await ledger.send(PATIENT, () => refresh(any(), patient, family.tokens.refresh_token))
        if (answer?.status === 200) family.tokens = answer.json
        if (answer?.status !== 400) return
        ledger.lost(PATIENT)
        families.all.delete(family)
      }),
    async check() {
      for (const family of families.all) {
        const { status, json } = await insist(() => refresh(any(), patient, family.tokens.refresh_token))
        if (status !== 200) ledger.lost(PATIENT)
        else family.tokens = json
      }
      ledger.lost(PATIENT, await countOtherwise(place, families.textsOf(), true))
    },
  }
}

const TWICE = 'refreshes, two at once'

/** Within the retry window both get the same successor, from whichever node. */
export function refreshesTwice(place: Place, ledger: Ledger, newCode: NewCode): Work {
  const { patient, nodes } = place
  const families = createFamilies(place, ledger, newCode, patient)
  const callers = [nodes[0], nodes.at(-1)].map((node) => (node as Place['nodes'][0]).caller)
  return {
    requests: TWICE,
    step: () =>
      families.use(async (family) => {
        const answers = await Promise.all(
          callers.map((caller) => ledger.send(TWICE, () => refresh(caller, patient, family.tokens.refresh_token))),
        )
        const given = answers.filter((answer): answer is Answer => answer?.status === 200)
        if (new Set(given.map(({ json }) => json.refresh_token)).size > 1) {
          ledger.wrong(TWICE, 'one refresh token was given two successors')
        }
        if (given[0]) family.tokens = given[0].json
        if (!answers.some((answer) => answer?.status === 400)) return
        ledger.lost(TWICE)
        families.all.delete(family)
      }),
    async check() {
      ledger.lost(TWICE, await countOtherwise(place, families.textsOf(), true))
    },
  }
}

const STRICT = 'refreshes, no window'

/** Without a retry window, who asks again may be taken for a thief. Then the family is dead as a whole. */
export function strictRefreshes(place: Place, ledger: Ledger, newCode: NewCode): Work {
  const { strict, any } = place
  const families = createFamilies(place, ledger, newCode, strict)
  const dead: string[] = []
  return {
    requests: STRICT,
    step: () =>
      families.use(async (family) => {
        const answer = await ledger.send(STRICT, () => refresh(any(), strict, family.tokens.refresh_token))
        if (answer?.status === 200) Object.assign(family, { tokens: answer.json, isOpen: false })
        if (!answer || answer.status >= 500) family.isOpen = true
        if (answer?.status !== 400) return
        families.all.delete(family)
        if (!family.isOpen) return ledger.lost(STRICT)
        ledger.note(STRICT, 'a family ended: its token had been used up by a try that was not answered')
        const { access_token, refresh_token } = family.tokens
        dead.push(access_token, refresh_token)
        await watchDead(place, ledger, STRICT, [access_token, refresh_token])
      }),
    async check() {
      const certain = [...families.all].filter(({ isOpen }) => !isOpen)
      const good = certain.flatMap(({ tokens }) => [tokens.access_token, tokens.refresh_token])
      ledger.lost(STRICT, await countOtherwise(place, good, true))
      ledger.lost(STRICT, await countOtherwise(place, dead, false))
    },
  }
}
