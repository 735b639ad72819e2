import { z } from 'zod'
import { ApiError } from '../../http/problem.ts'
import { createBinding } from '../../workload-identity/binding-changes.ts'
import { providerOf } from '../../workload-identity/records.ts'
import { wrongConditions } from '../../workload-identity/wrong-conditions.ts'
import { wrongScopes } from '../app-settings.ts'
import { operation } from '../operation.ts'
import { withinPower } from '../power.ts'
import { findServiceUser, refuseStrongerUser } from '../service-users/find.ts'
import { bindingFields } from './fields.ts'
import { bindingAnswer, viewOfBinding } from './view.ts'

export const createBindingOperation = operation({
  summary: 'Bind workloads to a service user',
  explanation:
    'On an issuer that many share, the conditions must pin whose workload it is. A binding hands out a service user: whoever makes one must ' +
    'have all that its role gives.',
  method: 'POST',
  path: '/v1/workload-providers/:id/bindings',
  requires: 'workload-providers:write',
  status: 201,
  answer: bindingAnswer,
  body: z.strictObject({ service_user_id: z.string().max(50), ...bindingFields }),
  async handle({ caller, id, body }, needs) {
    const { scope, database, change, clock } = needs
    const provider = await database.workloadProvider.findFirst({ where: { id } })
    if (!provider) throw new ApiError('not_found')
    const { service_user_id: serviceUserId, conditions } = body
    const user = await database.client.findFirst({ where: { id: serviceUserId, kind: 'service_user' } })
    const fields = [
      ...(user ? [] : [{ pointer: '/service_user_id', detail: 'no such service user' }]),
      ...wrongConditions(providerOf(provider), conditions),
      ...wrongScopes(body.scopes, needs),
    ]
    if (fields.length) throw new ApiError('validation_failed', { fields })
    const binding = {
      ...{ providerId: id, serviceUserId, conditions, createdBy: caller.actor.id },
      name: body.name ?? null,
      scopes: withinPower(caller, body.scopes ? [...new Set(body.scopes)] : undefined),
      tokenValidity: body.token_validity ?? null,
    }
    const row = await change(async (transaction) => {
      refuseStrongerUser(caller, await findServiceUser(transaction, serviceUserId), needs)
      return createBinding(transaction, scope, binding, new Date(clock.now()))
    })
    if (!row) throw new ApiError('not_found')
    return viewOfBinding(row, provider)
  },
})
