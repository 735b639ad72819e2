import { switchResource } from '../../tenancy/resources.ts'
import { type Operation, operation } from '../operation.ts'
import { findResource } from './find.ts'
import { resource, viewOfResource } from './view.ts'

type Words = Pick<Operation, 'path' | 'summary' | 'explanation'>

const switching = (words: Words, to: 'deprecated' | 'restored'): Operation =>
  operation({
    ...words,
    method: 'POST',
    requires: 'resources:write',
    status: 200,
    answer: resource,
    async handle({ id }, { tenant, issuer, change, clock }) {
      const row = await change(async (transaction) => {
        const before = await findResource(transaction, id, issuer)
        return switchResource(transaction, tenant, before, to, new Date(clock.now()))
      })
      return viewOfResource(row)
    },
  })

export const deprecateResource = switching(
  {
    summary: 'Deprecate a resource',
    explanation: 'No new token is for it. Tokens that there are keep what they have until they expire.',
    path: '/v1/resources/:id/deprecate',
  },
  'deprecated',
)

export const restoreResource = switching(
  {
    summary: 'Restore a deprecated resource',
    explanation: 'There are tokens for it again.',
    path: '/v1/resources/:id/restore',
  },
  'restored',
)
