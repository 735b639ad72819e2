import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { basic } from './caller.ts'
import { onPostgres } from './postgres.ts'
import { start } from './process.ts'

test('OTEL_EXPORTER_OTLP_ENDPOINT: a mint is a span at the collector, with nothing of the credential in it', async () => {
  const bodies: string[] = []
  const collector = createServer(async (request, response) => {
    bodies.push(await text(request))
    response.setHeader('content-type', 'application/json').end('{}')
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const { port } = collector.address() as AddressInfo

  const environment = { ...(await onPostgres()), OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` }
  const server = await start(environment)
  const { live } = await server.bootstrap()
  const minted = await fetch(`${environment.KC_LIVE_URL}/oauth/token`, {
    method: 'POST',
    headers: basic(live),
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  const { access_token } = (await minted.json()) as { access_token: string }
  server.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  collector.close()

  const sent = bodies.join()
  expect(sent).toContain('"POST /oauth/token"')
  expect(sent).toContain('"keycourt.mode"')
  for (const secret of [access_token, live.client_secret, live.api_key]) expect(sent).not.toContain(secret)
})
