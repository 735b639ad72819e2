import { authorizationGrant } from './authorization-grant.ts'
import { clientAssertion } from './client-assertion.ts'

export const rfc7523 = [...clientAssertion, ...authorizationGrant]
