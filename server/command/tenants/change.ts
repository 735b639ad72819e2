import type { Plan, TenantStatus } from '../../tenancy/tenant.ts'
import { print, type Run } from '../command.ts'
import { operate } from './operator.ts'
import { planOf } from './plan.ts'

const setStatus =
  (status: TenantStatus, said: string): Run =>
  async (call) => {
    const { name } = await operate(call, { status })
    print(`${name} is ${status}: ${said}`)
    return 0
  }

const REFUSED = 'its credentials are refused with subscription_inactive from now on, and nothing of it is lost'

export const pauseTenant = setStatus('paused', REFUSED)
export const cancelTenant = setStatus('cancelled', REFUSED)
export const resumeTenant = setStatus('active', 'all that it had works again')

export const changePlan: Run = async (call) => {
  const plan: Plan = planOf(call.operands.PLAN, 'PLAN')
  const { name } = await operate(call, { plan })
  print(`${name} is on the plan ${plan}`)
  return 0
}
