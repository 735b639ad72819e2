import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTraces } from '../../server/telemetry/traces.ts'

interface Span {
  name: string
  kind: number
  traceId: string
  parentSpanId?: string
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[]
  status: { code?: number; message?: string }
  events: unknown[]
}

let collector: Server
let bodies: { path: string | undefined; text: string; spans: Span[] }[]
let endpoint: URL

beforeEach(async () => {
  bodies = []
  collector = createServer(async (request, response) => {
    const body = (await json(request)) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }
    const spans = body.resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((scope) => scope.spans))
    bodies.push({ path: request.url, text: JSON.stringify(body), spans })
    response.setHeader('content-type', 'application/json').end('{}')
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  endpoint = new URL(`http://127.0.0.1:${(collector.address() as AddressInfo).port}`)
})
afterEach(() => new Promise((resolve) => collector.close(resolve)))

const request = { method: 'POST', mode: 'live', headers: {} }
const attributesOf = (span: Span | undefined) =>
  Object.fromEntries(
    (span?.attributes ?? []).map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  )

test('a request becomes one server span, named by its route, within the trace of its caller', async () => {
  const traces = await startTraces(endpoint)
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const headers = { traceparent, authorization: 'Bearer hidden', cookie: 'hidden' }
  const answer = await traces.trace?.({ ...request, headers }, async () => ({ route: '/oauth/token', status: 200 }))
  await traces.stop()

  expect(answer).toEqual({ route: '/oauth/token', status: 200 })
  expect(bodies.map(({ path }) => path)).toEqual(['/v1/traces'])
  const [span, ...more] = bodies.flatMap(({ spans }) => spans)
  expect(more).toEqual([])
  expect(span).toMatchObject({
    name: 'POST /oauth/token',
    kind: 2, // SPAN_KIND_SERVER
    traceId: '0af7651916cd43dd8448eb211c80319c',
    parentSpanId: 'b7ad6b7169203331',
  })
  expect(attributesOf(span)).toEqual({
    'http.request.method': 'POST',
    'http.route': '/oauth/token',
    'http.response.status_code': 200,
    'keycourt.mode': 'live',
  })
  expect(bodies[0]?.text).toContain('"keycourt"')
  expect(bodies[0]?.text).not.toContain('hidden')
})

test('without a caller, a route or a method of HTTP the span tells nothing of what was sent', async () => {
  const traces = await startTraces(endpoint)
  await traces.trace?.({ ...request, method: 'HIDDEN' }, async () => ({ route: undefined, status: 404 }))
  await traces.stop()
  const [span] = bodies.flatMap(({ spans }) => spans)
  expect(span?.name).toBe('_OTHER')
  expect(span?.parentSpanId ?? '').toBe('')
  expect(bodies[0]?.text).not.toContain('HIDDEN')
})

test('what fails is marked, by the kind of its error only, and fails as before', async () => {
  const traces = await startTraces(endpoint)
  const failing = traces.trace?.(request, async () => {
    throw new TypeError('hidden')
  })
  await expect(failing).rejects.toThrow('hidden')
  await traces.trace?.(request, async () => ({ route: '/v1/me', status: 503 }))
  await traces.stop()
  const [thrown, answered] = bodies.flatMap(({ spans }) => spans)
  expect(thrown?.status).toEqual({ code: 2 })
  expect(attributesOf(thrown)['error.type']).toBe('TypeError')
  expect(thrown?.events).toEqual([])
  expect(answered?.status).toEqual({ code: 2 })
  expect(bodies[0]?.text).not.toContain('hidden')
})

test('an endpoint with a path keeps it', async () => {
  const traces = await startTraces(new URL('/otlp/', endpoint))
  await traces.trace?.(request, async () => ({ route: '/', status: 200 }))
  await traces.stop()
  expect(bodies[0]?.path).toBe('/otlp/v1/traces')
})

test('without an endpoint there is nothing to call', async () => {
  const traces = await startTraces(undefined)
  expect(traces.trace).toBeUndefined()
  await expect(traces.stop()).resolves.toBeUndefined()
})

test('a collector that is away fails no request and no stop', async () => {
  await new Promise((resolve) => collector.close(resolve))
  const traces = await startTraces(endpoint)
  await expect(traces.trace?.(request, async () => ({ route: '/', status: 200 }))).resolves.toBeDefined()
  await expect(traces.stop()).resolves.toBeUndefined()
}, 15_000)
