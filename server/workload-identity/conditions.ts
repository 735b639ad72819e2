import { claimAt } from './claim-path.ts'
import { matchesGlob } from './glob.ts'
import type { Check, Claims, Condition } from './model.ts'
import type { Denial, Preset } from './presets/preset.ts'

/**
 * Every condition of a binding, and everything that the platform's preset denies, against a token's claims: all must
 * hold. Compared code point for code point and type for type; what isn't there never matches.
 */
export const evaluateConditions = (preset: Preset, conditions: readonly Condition[], claims: Claims): Check[] => [
  ...conditions.map((condition) => evaluate(preset, condition, claims)),
  ...preset.denials
    .filter((denial) => !isLetIn(denial, conditions))
    .map((denial) => ({
      check: `${denial.claim} denied`,
      held: !denial.applies(claims),
      expected: denial.expected,
      got: claimAt(claims, denial.claim),
    })),
]

function evaluate(preset: Preset, condition: Condition, claims: Claims): Check {
  const { claim, op, value } = condition
  const got = claimAt(claims, claim)
  return { check: `${claim} ${op}`, held: holds(condition, got, isList(preset, claim)), expected: value, got }
}

/** A list where the platform has none may be an attempt to be two things at once; where it has one, any element will do. */
function holds(condition: Condition, got: unknown, mayBeList: boolean): boolean {
  if (!Array.isArray(got)) return matches(condition, got)
  return mayBeList && EXACT.includes(condition.op) && got.some((element) => matches(condition, element))
}

const EXACT: readonly Condition['op'][] = ['equals', 'one_of']

function matches(condition: Condition, got: unknown): boolean {
  switch (condition.op) {
    case 'equals':
      return isSame(got, condition.value)
    case 'one_of':
      return condition.value.some((value) => isSame(got, value))
    case 'prefix':
      return typeof got === 'string' && condition.value !== '' && got.startsWith(condition.value)
    case 'glob':
      return typeof got === 'string' && matchesGlob(condition.value, got)
    default:
      return false // a row that a newer node wrote: what isn't understood doesn't hold
  }
}

const isSame = (got: unknown, value: unknown): boolean =>
  (typeof got === 'string' || typeof got === 'number' || typeof got === 'boolean') && got === value

const isList = ({ claims }: Preset, name: string): boolean =>
  claims.some(({ claim, list }) => claim === name && list === true)

/** Whether a binding lets in by name what would be denied. A pattern that happens to match names nothing. */
export const isLetIn = ({ claim, unlessNamed }: Denial, conditions: readonly Condition[]): boolean =>
  unlessNamed !== undefined &&
  conditions.some(
    (condition) =>
      condition.claim === claim &&
      (unlessNamed === 'at all' || unlessNamed.every((value) => namedBy(condition).includes(value))),
  )

/** What a condition says exactly; a pattern says nothing exactly. */
export function namedBy(condition: Condition): readonly unknown[] {
  if (condition.op === 'equals') return [condition.value]
  return condition.op === 'one_of' ? condition.value : []
}
