import type { Detail } from '../audit/entry.ts'
import type { Check, Claims } from '../workload-identity/model.ts'
import type { BindingReport } from '../workload-identity/refusal.ts'

const MOST_BINDINGS = 20
/** Characters of JSON; what comes after that is said in less. */
const ROOM = 24_000

/** For each binding and condition: what was expected, what came, whether it held. */
export function recordedReports(reports: readonly BindingReport[]): Detail {
  let room = ROOM
  const recordedCheck = ({ check, held, expected, got }: Check): Detail => {
    if (room <= 0) return { check, held }
    const entry = {
      ...{ check, held },
      ...(expected !== undefined && { expected: recorded(expected) }),
      ...(got !== undefined && { got: recorded(got) }),
    }
    room -= JSON.stringify(entry).length
    return entry
  }
  return reports.slice(0, MOST_BINDINGS).map(({ bindingId, providerId, checks }) => ({
    ...{ binding_id: bindingId, provider_id: providerId },
    checks: checks.map(recordedCheck),
  }))
}

const LONGEST = 512
const MOST_ELEMENTS = 32

/** A value of whoever made the token, such that any store can keep it: bounded, well-formed, without NUL. */
export function recorded(value: unknown): Detail {
  if (typeof value === 'string') return cleaned(value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (Array.isArray(value))
    return value.slice(0, MOST_ELEMENTS).map((each) => (isNested(each) ? flat(each) : recorded(each)))
  return flat(value)
}

export const recordedClaims = (claims: Claims): { readonly [name: string]: Detail } =>
  Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, recorded(value)]))

const isNested = (value: unknown): boolean => typeof value === 'object' && value !== null
const flat = (value: unknown): string => cleaned(JSON.stringify(value) ?? '')

const cleaned = (text: string): string =>
  text
    .slice(0, LONGEST)
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: PostgreSQL keeps no NUL, and terminals obey the others.
    .replace(/[\x00-\x1f\x7f]/g, '\ufffd')
