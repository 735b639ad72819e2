import { authorizationEndpoint } from './authorization-endpoint.ts'
import { clientAuthentication } from './client-authentication.ts'
import { authorizationCode } from './code.ts'
import { refreshToken } from './refresh.ts'
import { tokenEndpoint } from './token-endpoint.ts'

export const rfc6749 = [
  ...clientAuthentication,
  ...tokenEndpoint,
  ...authorizationEndpoint,
  ...authorizationCode,
  ...refreshToken,
]
