import { vi } from 'vitest'
import { json, origin } from '../../outbound/origin.ts'
import type { TokenFor } from './token-for.ts'

const HEADER = 'of-the-app'

/** Azure's two endpoints for managed identities: of virtual machines (IMDS) and of App Service. Live as long as the test. */
export async function startManagedIdentity(tokenFor: TokenFor) {
  const { port } = await origin(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://identity')
    const asked = `${pathname}?${searchParams.get('api-version')}`
    const isImds = asked === '/metadata/identity/oauth2/token?2018-02-01' && request.headers.metadata === 'true'
    const isAppService = asked === '/msi/token?2019-08-01' && request.headers['x-identity-header'] === HEADER
    const resource = searchParams.get('resource')
    if (!resource || !(isImds || isAppService)) return void response.writeHead(400).end()
    json({ access_token: await tokenFor(resource), resource, token_type: 'Bearer' })(request, response)
  })
  vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${port}/msi/token`)
  vi.stubEnv('IDENTITY_HEADER', HEADER)
  return { imds: `http://127.0.0.1:${port}` }
}
