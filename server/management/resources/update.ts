import { changeResource } from '../../tenancy/resources.ts'
import { operation } from '../operation.ts'
import { changes, changesOf, refuseWrongScopes } from './fields.ts'
import { findResource } from './find.ts'
import { resource, viewOfResource } from './view.ts'

export const SCOPES_EXPLANATION =
  '`scopes` can be had from now on: new ones, or deprecated ones again. `deprecated_scopes` are in no new token; tokens that there are keep ' +
  'what they have until they expire. A scope that is named in neither stays what it is.'

export const updateResource = operation({
  summary: 'Change a resource, add and deprecate scopes',
  explanation: SCOPES_EXPLANATION,
  method: 'PATCH',
  path: '/v1/resources/:id',
  requires: 'resources:write',
  status: 200,
  body: changes,
  answer: resource,
  async handle({ id, body }, { tenant, issuer, change, clock }) {
    const row = await change(async (transaction) => {
      const before = await findResource(transaction, id, issuer)
      refuseWrongScopes(body, before)
      return changeResource(transaction, tenant, before, changesOf(body), new Date(clock.now()))
    })
    return viewOfResource(row)
  },
})
