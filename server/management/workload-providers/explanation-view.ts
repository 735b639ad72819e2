import { z } from 'zod'
import type { ExplainedBinding, Explanation } from '../../workload-identity/explanation.ts'
import type { Check } from '../../workload-identity/model.ts'
import { conditionsOf } from '../../workload-identity/records.ts'

const anything = z.unknown().meta({ description: 'any JSON' })

const checked = { held: z.boolean(), expected: anything, got: anything }

const check = z.strictObject({ check: z.string(), ...checked })

export const explanationAnswer = z
  .strictObject({
    matches: z
      .boolean()
      .meta({ description: 'whether it would be exchanged, as far as the token and the bindings say' }),
    verification: z.union([z.strictObject({ held: z.literal(true) }), check]),
    claims: z.record(z.string(), z.unknown()).nullable(),
    bindings: z.array(
      z.strictObject({
        id: z.string(),
        service_user_id: z.string(),
        name: z.string().nullable(),
        disabled: z.boolean(),
        matches: z.boolean(),
        conditions: z.array(z.strictObject({ claim: z.string(), op: z.string(), ...checked })),
        denials: z.array(check),
      }),
    ),
  })
  .meta({ id: 'WorkloadExplanation' })

/** `matches`: whether it would be exchanged, as far as the token and the bindings say. */
export const viewOfExplanation = ({ failed, claims, bindings }: Explanation) => ({
  matches: !failed && bindings.some(isTaken),
  verification: failed ? viewOfCheck(failed) : { held: true },
  claims: claims ?? null,
  bindings: bindings.map((explained) => ({
    id: explained.binding.id,
    service_user_id: explained.binding.serviceUserId,
    name: explained.binding.name,
    disabled: explained.binding.disabledAt !== null,
    matches: !failed && isTaken(explained),
    ...viewOfConditions(explained),
  })),
})

const isTaken = ({ binding, holds }: ExplainedBinding): boolean => holds && binding.disabledAt === null

/** The binding's own conditions come first among the checks, in their order; then what the platform's preset denies. */
function viewOfConditions({ binding, checks }: ExplainedBinding) {
  const conditions = conditionsOf(binding)
  return {
    conditions: conditions.map(({ claim, op, value }, at) => ({
      ...{ claim, op, expected: value, got: checks[at]?.got ?? null },
      held: checks[at]?.held ?? false,
    })),
    denials: checks.slice(conditions.length).map(viewOfCheck),
  }
}

const viewOfCheck = ({ check, held, expected, got }: Check) => ({
  ...{ check, held },
  expected: expected ?? null,
  got: got ?? null,
})
