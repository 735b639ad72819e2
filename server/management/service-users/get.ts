import { operation } from '../operation.ts'
import { findServiceUser } from './find.ts'
import { serviceUser, viewOfServiceUser } from './view.ts'

export const getServiceUser = operation({
  summary: 'Get a service user',
  method: 'GET',
  path: '/v1/service-users/:id',
  requires: 'service-users:read',
  status: 200,
  answer: serviceUser,
  async handle({ id }, { database }) {
    return viewOfServiceUser(await findServiceUser(database, id))
  },
})
