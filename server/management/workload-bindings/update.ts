import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import type { ScopedTransaction } from '../../tenancy/scoped-database.ts'
import { type BindingChanges, updateBinding } from '../../workload-identity/binding-changes.ts'
import { providerOf } from '../../workload-identity/records.ts'
import { wrongConditions } from '../../workload-identity/wrong-conditions.ts'
import { wrongScopes } from '../app-settings.ts'
import type { Caller } from '../caller.ts'
import { type OperationNeeds, operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { refuseStrongerUser } from '../service-users/find.ts'
import { bindingFields } from './fields.ts'
import { refuseStrongerBinding } from './power.ts'
import { bindingAnswer, viewOfBinding } from './view.ts'

/** What isn't there stays. Whose workloads act as whom is for good: that is another binding. */
const body = z.strictObject({ ...bindingFields, disabled: z.boolean() }).partial()

type Body = z.output<typeof body>

/** A name, and what only takes, are anybody's who may write. */
const givesNothing = ({ name: _, disabled, ...others }: Body): boolean =>
  disabled !== false && Object.keys(others).length === 0

export const updateBindingOperation = operation({
  summary: 'Change a workload binding',
  explanation: 'What is left out stays as it is. Whose workloads act as whom is for good: that is another binding.',
  method: 'PATCH',
  path: '/v1/workload-bindings/:id',
  requires: 'workload-providers:write',
  status: 200,
  body,
  answer: bindingAnswer,
  async handle({ caller, id, body }, needs) {
    const { database, change, clock } = needs
    const before = await database.workloadBinding.findFirst({ where: { id }, include: { provider: true } })
    if (!before) throw new ApiError('not_found')
    const fields = [
      ...(body.conditions ? wrongConditions(providerOf(before.provider), body.conditions) : []),
      ...wrongScopes(body.scopes, needs),
    ]
    if (fields.length) throw new ApiError('validation_failed', { fields })
    const changes = changesOf(caller, body)
    const row = await change(async (transaction) => {
      await refuseStronger(caller, id, body, transaction, needs)
      return updateBinding(transaction, id, changes, new Date(clock.now()))
    })
    if (!row) throw new ApiError('not_found')
    return viewOfBinding(row, before.provider)
  },
})

/** By what it gives when it is changed: others may have changed it since it was read. */
async function refuseStronger(
  caller: Caller,
  id: string,
  body: Body,
  { workloadBinding }: ScopedTransaction,
  needs: OperationNeeds,
): Promise<void> {
  const before = await workloadBinding.findFirst({ where: { id }, include: { serviceUser: true } })
  if (!before) throw new ApiError('not_found')
  if (body.scopes !== undefined) refuseStrongerUser(caller, before.serviceUser, needs)
  else if (!givesNothing(body)) refuseStrongerBinding(caller, before, needs)
}

const changesOf = (caller: Caller, body: Body): BindingChanges => ({
  ...(body.name !== undefined && { name: body.name }),
  ...(body.conditions !== undefined && { conditions: body.conditions }),
  ...(body.scopes !== undefined && {
    scopes: withinPower(caller, body.scopes ? [...new Set(body.scopes)] : undefined),
  }),
  ...(body.token_validity !== undefined && { tokenValidity: body.token_validity }),
  ...(body.disabled !== undefined && { disabled: body.disabled }),
})
