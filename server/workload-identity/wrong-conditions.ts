import { isClaimPath } from './claim-path.ts'
import { isLetIn, namedBy } from './conditions.ts'
import type { Condition, ConditionValue, WorkloadProvider } from './model.ts'
import { formOf, presetOf } from './presets/index.ts'
import type { Pin, PinnedClaim, Preset } from './presets/preset.ts'

/** What is wrong with a field, at its RFC 6901 pointer. */
export interface WrongField {
  readonly pointer: string
  readonly detail: string
}

type Trusted = Pick<WorkloadProvider, 'platform' | 'issuer'> & Partial<Pick<WorkloadProvider, 'keys'>>

/** What of a binding's conditions can't be saved: what is no condition, what can never hold, and what isn't pinned. */
export function wrongConditions(provider: Trusted, conditions: readonly Condition[]): WrongField[] {
  const preset = presetOf(provider.platform)
  const wrong = conditions.flatMap((condition, at) => {
    const detail = wrongCondition(preset, condition)
    return detail ? [{ pointer: `/conditions/${at}/${detail.at}`, detail: detail.words }] : []
  })
  if (wrong.length) return wrong
  const { pins } = formOf(provider)
  const missing = pins.filter((pin) => !isPinned(pin, conditions)).map(({ words }) => words)
  const saysNothing = conditions.every(({ claim }) => SAYS_NOTHING.has(claim.replace(/^\//, '')))
  if (saysNothing && !missing.length) missing.push('which workloads: a claim of theirs')
  return missing.map((words) => ({ pointer: '/conditions', detail: `must pin ${words}` }))
}

/** What an admin should know of conditions that can be saved. */
export function adviceOn(provider: Trusted, conditions: readonly Condition[]): string[] {
  const preset = presetOf(provider.platform)
  const loose = formOf(provider).advised.filter((pin) => !isPinned(pin, conditions))
  const chosen = preset.claims.filter(
    ({ claim, trust }) => trust === 'chosen' && conditions.some((condition) => condition.claim === claim),
  )
  const proveNothing = chosen.map(({ claim, words }) => `${claim} proves nothing. ${words}`)
  return [...loose.map(({ words }) => words), ...proveNothing, ...(ownKeysOf(provider) ? [OWN_KEYS] : [])]
}

/** Whoever may change a provider may have put theirs there. */
const OWN_KEYS =
  'the provider names the keys itself: whoever holds them signs as any workload of this issuer, and discovery isn’t asked'

const ownKeysOf = ({ platform, keys }: Trusted): boolean =>
  platform !== 'kubernetes' && keys !== undefined && keys.by !== 'discovery'

/** The same for every workload of an issuer, or checked anyway; RFC 6901: by its own name, or as `/iss`. */
const SAYS_NOTHING = new Set(['iss', 'aud', 'exp', 'iat', 'nbf', 'jti'])

interface WrongCondition {
  readonly at: 'claim' | 'op' | 'value'
  readonly words: string
}

function wrongCondition(preset: Preset, condition: Condition): WrongCondition | undefined {
  const { claim, op, value } = condition
  if (!isClaimPath(claim))
    return { at: 'claim', words: 'a name, or an RFC 6901 pointer such as /kubernetes.io/namespace' }
  if (isPattern(condition) && isId(preset, claim))
    return { at: 'op', words: 'equals or one_of: an id is compared whole' }
  if (op === 'prefix' && !/[:/#@]$/.test(value)) return { at: 'value', words: 'a prefix ends with one of : / # @' }
  const denied = preset.denials.find(
    (denial) => denial.claim === claim && !isLetIn(denial, [condition]) && saysOnlyDenied(denial.expected, condition),
  )
  return denied && { at: 'value', words: `always refused: ${denied.words}` }
}

const saysOnlyDenied = (expected: string, condition: Condition): boolean => {
  const named = namedBy(condition)
  return named.length > 0 && named.every((value) => expected === `not ${value}`)
}

const isPattern = ({ op }: Condition): boolean => op === 'prefix' || op === 'glob'

const isId = ({ claims }: Preset, name: string): boolean =>
  claims.some(({ claim, trust, list }) => claim === name && trust === 'id' && !list) || /[_-]id$/.test(name)

const isPinned = ({ anyOf }: Pin, conditions: readonly Condition[]): boolean =>
  anyOf.some((way) => way.every((pinned) => conditions.some((condition) => pins(pinned, condition))))

/** All that it lets in must have the form: with `one_of` each of the values. */
function pins({ claim, form, patterns = false }: PinnedClaim, condition: Condition): boolean {
  if (condition.claim !== claim || (isPattern(condition) && !patterns)) return false
  const values: readonly ConditionValue[] = condition.op === 'one_of' ? condition.value : [condition.value]
  return values.every((value) => form === undefined || (typeof value === 'string' && form.test(value)))
}
