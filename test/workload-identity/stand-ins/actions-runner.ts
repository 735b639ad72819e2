import { vi } from 'vitest'
import { json, origin } from '../../outbound/origin.ts'
import type { TokenFor } from './token-for.ts'

const REQUEST_TOKEN = 'of-the-job'

/** What a job of GitHub Actions has with `id-token: write`. Lives as long as the test. */
export async function startActionsRunner(tokenFor: TokenFor): Promise<void> {
  const { port } = await origin(async (request, response) => {
    if (request.headers.authorization !== `Bearer ${REQUEST_TOKEN}`) return void response.writeHead(401).end()
    const { searchParams } = new URL(request.url ?? '', 'http://runner')
    // Whoever asks for none gets the owner's.
    const audience = searchParams.get('audience') ?? 'https://github.com/octo-org'
    json({ count: 1, value: await tokenFor(audience) })(request, response)
  })
  vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_URL', `http://127.0.0.1:${port}/idtoken?api-version=2.0`)
  vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_TOKEN', REQUEST_TOKEN)
}
