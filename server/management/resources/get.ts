import { operation } from '../operation.ts'
import { findResource } from './find.ts'
import { resource, viewOfResource } from './view.ts'

export const getResource = operation({
  summary: 'Get a resource',
  method: 'GET',
  path: '/v1/resources/:id',
  requires: 'resources:read',
  status: 200,
  answer: resource,
  async handle({ id }, { database, issuer }) {
    return viewOfResource(await findResource(database, id, issuer))
  },
})
