import { evaluateConditions } from './conditions.ts'
import type { Check, Claims, SubjectVerdict, WorkloadProvider } from './model.ts'
import { presetOf } from './presets/index.ts'
import { type BindingRow, conditionsOf } from './records.ts'
import { readCompact } from './token/compact.ts'

/** What an admin sees of a token: whether it is good, and which binding would take it or why none does. */
export interface Explanation {
  /** The check that it failed, if any. */
  readonly failed: Check | undefined
  /** As the token says them, good or not: most that are looked at here have expired. */
  readonly claims: Claims | undefined
  readonly bindings: readonly ExplainedBinding[]
}

export interface ExplainedBinding {
  readonly binding: BindingRow
  readonly checks: readonly Check[]
  /** Whether its conditions hold. */
  readonly holds: boolean
}

/** A token that isn't good is compared with the bindings all the same: one mistake isn't hidden behind another. */
export function explain(
  token: string,
  { platform }: Pick<WorkloadProvider, 'platform'>,
  verdict: SubjectVerdict,
  bindings: readonly BindingRow[],
): Explanation {
  const claims = verdict.ok ? verdict.subject.claims : claimsOf(token)
  const explained = bindings.map((binding) => {
    const checks = claims ? evaluateConditions(presetOf(platform), conditionsOf(binding), claims) : []
    return { binding, checks, holds: claims !== undefined && checks.every(({ held }) => held) }
  })
  return { failed: verdict.ok ? undefined : verdict.failed, claims, bindings: explained }
}

function claimsOf(token: string): Claims | undefined {
  const read = readCompact(token)
  return read.ok ? read.token.claims : undefined
}
