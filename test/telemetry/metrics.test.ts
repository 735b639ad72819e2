import { expect, test } from 'vitest'
import { createMetrics, noMetrics, serveMetrics } from '../../server/telemetry/metrics.ts'

test('each event moves its own series', async () => {
  const { metrics, registry } = createMetrics()
  metrics.httpRequest({ mode: 'live', route: '/oauth/token', status: 200 }, 0.004)
  metrics.tokenMinted('live', 'client_credentials')
  metrics.tokenMinted('live', 'client_credentials')
  metrics.tokenRequestRefused('test', 'invalid_scope')
  metrics.authenticationFailed('live', 'unknown')
  metrics.storeFailed('redis')
  const text = await registry.metrics()
  for (const line of [
    'keycourt_http_requests_total{mode="live",route="/oauth/token",status="200"} 1',
    'keycourt_http_request_seconds_bucket{le="0.005",mode="live",route="/oauth/token"} 1',
    'keycourt_http_request_seconds_bucket{le="0.0025",mode="live",route="/oauth/token"} 0',
    'keycourt_tokens_minted_total{mode="live",grant="client_credentials"} 2',
    'keycourt_token_requests_refused_total{mode="test",error="invalid_scope"} 1',
    'keycourt_authentication_failures_total{mode="live",reason="unknown"} 1',
    'keycourt_store_errors_total{store="redis"} 1',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
  expect(text).toContain('process_cpu_seconds_total')
})

test('values without end become one series', async () => {
  const { metrics, registry } = createMetrics()
  for (let at = 0; at < 1000; at++) metrics.tokenRequestRefused('live', `made_up_${at}`)
  const text = await registry.metrics()
  expect(text.match(/^keycourt_token_requests_refused_total\{/gm)).toHaveLength(201)
  expect(text).toContain('keycourt_token_requests_refused_total{mode="live",error="other"} 800')
})

test('two registries know nothing of each other', async () => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.metrics.storeFailed('redis')
  expect(await other.registry.metrics()).not.toContain('store="redis"')
})

test('without metrics every event may be told all the same', () => {
  expect(Object.keys(noMetrics).sort()).toEqual(Object.keys(createMetrics().metrics).sort())
  expect(noMetrics.tokenMinted('live', 'x')).toBeUndefined()
})

test('GET /metrics is served, and nothing else', async () => {
  const { metrics, registry } = createMetrics()
  metrics.storeFailed('database')
  const served = await serveMetrics(registry, 0, '127.0.0.1')
  const at = `http://127.0.0.1:${served.port}`
  const answer = await fetch(`${at}/metrics`)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toContain('text/plain')
  expect(await answer.text()).toContain('keycourt_store_errors_total{store="database"} 1')
  expect((await fetch(at)).status).toBe(404)
  expect((await fetch(`${at}/metrics`, { method: 'POST' })).status).toBe(404)
  await served.close()
  await expect(fetch(`${at}/metrics`)).rejects.toThrow()
})

test('a port that is taken is an error', async () => {
  const { registry } = createMetrics()
  const served = await serveMetrics(registry, 0, '127.0.0.1')
  await expect(serveMetrics(registry, served.port, '127.0.0.1')).rejects.toThrow('EADDRINUSE')
  await served.close()
})
