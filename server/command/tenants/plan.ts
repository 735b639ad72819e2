import { PLANS, type Plan } from '../../tenancy/tenant.ts'
import { Misuse } from '../command.ts'

/** @throws {Misuse} */
export function planOf(text: string | undefined, what: string): Plan {
  const plan = PLANS.find((each) => each === text)
  if (!plan) throw new Misuse(`${what} is "${text}"; it wants one of ${PLANS.join(', ')}`)
  return plan
}
