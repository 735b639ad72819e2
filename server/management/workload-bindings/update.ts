import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { type BindingChanges, updateBinding } from '../../workload-identity/binding-changes.ts'
import { providerOf } from '../../workload-identity/records.ts'
import { wrongConditions } from '../../workload-identity/wrong-conditions.ts'
import { wrongScopes } from '../app-settings.ts'
import type { Caller } from '../caller.ts'
import { operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { bindingFields } from './fields.ts'
import { refuseStrongerBinding, refuseStrongerServiceUser } from './power.ts'
import { viewOfBinding } from './view.ts'

/** What isn't there stays. Whose workloads act as whom is for good: that is another binding. */
const body = z.strictObject({ ...bindingFields, disabled: z.boolean() }).partial()

type Body = z.output<typeof body>

/** A name, and what only takes, are anybody's who may write. */
const givesNothing = ({ name: _, disabled, ...others }: Body): boolean =>
  disabled !== false && Object.keys(others).length === 0

export const updateBindingOperation = operation({
  method: 'PATCH',
  path: '/v1/workload-bindings/:id',
  requires: 'workload-providers:write',
  status: 200,
  body,
  async handle({ caller, id, body }, needs) {
    const { database, change, clock } = needs
    const include = { provider: true, serviceUser: true } as const
    const before = await database.workloadBinding.findFirst({ where: { id }, include })
    if (!before) throw new ApiError('not_found')
    if (body.scopes !== undefined) refuseStrongerServiceUser(caller, before.serviceUser)
    else if (!givesNothing(body)) refuseStrongerBinding(caller, before)
    const fields = [
      ...(body.conditions ? wrongConditions(providerOf(before.provider), body.conditions) : []),
      ...wrongScopes(body.scopes, needs),
    ]
    if (fields.length) throw new ApiError('validation_failed', { fields })
    const changes = changesOf(caller, body)
    const row = await change((transaction) => updateBinding(transaction, id, changes, new Date(clock.now())))
    if (!row) throw new ApiError('not_found')
    return viewOfBinding(row, before.provider)
  },
})

const changesOf = (caller: Caller, body: Body): BindingChanges => ({
  ...(body.name !== undefined && { name: body.name }),
  ...(body.conditions !== undefined && { conditions: body.conditions }),
  ...(body.scopes !== undefined && {
    scopes: withinPower(caller, body.scopes ? [...new Set(body.scopes)] : undefined),
  }),
  ...(body.token_validity !== undefined && { tokenValidity: body.token_validity }),
  ...(body.disabled !== undefined && { disabled: body.disabled }),
})
