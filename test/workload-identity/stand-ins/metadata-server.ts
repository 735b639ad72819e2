import { vi } from 'vitest'
import { origin } from '../../outbound/origin.ts'
import type { TokenFor } from './token-for.ts'

const BASE = '/computeMetadata/v1'
const FLAVOR = { 'Metadata-Flavor': 'Google' }

/** Google Cloud's, as far as identity tokens go. Lives as long as the test. */
export async function startMetadataServer(tokenFor: TokenFor): Promise<void> {
  const { port } = await origin(async (request, response) => {
    if (request.headers['metadata-flavor'] !== 'Google') return void response.writeHead(403).end()
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://metadata')
    const audience = searchParams.get('audience')
    if (pathname === `${BASE}/instance/service-accounts/default/identity` && audience) {
      return void response.writeHead(200, FLAVOR).end(await tokenFor(audience))
    }
    response.writeHead(pathname === `${BASE}/instance` ? 200 : 404, FLAVOR).end()
  })
  vi.stubEnv('GCE_METADATA_HOST', `127.0.0.1:${port}`)
  vi.stubEnv('METADATA_SERVER_DETECTION', 'assume-present')
  // The library takes whatever credentials lie about before it asks.
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', undefined)
  vi.stubEnv('CLOUDSDK_CONFIG', '/nonexistent')
}
