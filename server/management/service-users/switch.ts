import { switchServiceUser } from '../../credentials/service-users.ts'
import { ApiError } from '../../http/problem.ts'
import { operation } from '../operation.ts'
import { findServiceUser, refuseStrongerUser } from './find.ts'
import { serviceUser, viewOfServiceUser } from './view.ts'

export const disableServiceUser = operation({
  summary: 'Disable a service user',
  explanation:
    'Its service tokens, its keys and its workloads stop at the next request on every node, with all that was minted for it.',
  method: 'POST',
  path: '/v1/service-users/:id/disable',
  requires: 'service-users:write',
  status: 200,
  answer: serviceUser,
  async handle({ id }, { change, clock }) {
    const row = await change((transaction) => switchServiceUser(transaction, id, 'disabled', new Date(clock.now())))
    if (!row) throw new ApiError('not_found')
    return viewOfServiceUser(row)
  },
})

/** It gives back the power that disabling took: who does it must have that. */
export const enableServiceUser = operation({
  summary: 'Enable a disabled service user',
  explanation: 'Its service tokens, keys and workloads work again. What was minted before stays dead.',
  method: 'POST',
  path: '/v1/service-users/:id/enable',
  requires: 'service-users:write',
  status: 200,
  answer: serviceUser,
  async handle({ caller, id }, needs) {
    const { change, clock } = needs
    const row = await change(async (transaction) => {
      refuseStrongerUser(caller, await findServiceUser(transaction, id), needs)
      return switchServiceUser(transaction, id, 'enabled', new Date(clock.now()))
    })
    if (!row) throw new ApiError('not_found')
    return viewOfServiceUser(row)
  },
})
