import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** What is counted. Code is handed this, never a registry; `noMetrics` where nobody asked. */
export interface Metrics {
  /** @param route the route's pattern, never the path that was asked for */
  httpRequest(labels: { mode: string; route: string; status: number }, seconds: number): void
  tokenMinted(mode: string, grant: string): void
  tokenRequestRefused(mode: string, error: string): void
  authenticationFailed(mode: string, reason: string): void
  storeFailed(store: string): void
}

export const noMetrics: Metrics = {
  httpRequest() {},
  tokenMinted() {},
  tokenRequestRefused() {},
  authenticationFailed() {},
  storeFailed() {},
}

/** More values of one label than this are a mistake, or an attack on whoever stores the series. */
const MOST_VALUES = 200

/** From 1 ms, in seconds; 5 s is the deadline of a request that waits for a store. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** A registry of its own with the process's metrics and ours. Call it once per process, if metrics are served. */
export function createMetrics(): { metrics: Metrics; registry: Registry } {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) => {
    return new Counter({ name, help, labelNames, registers: [registry] })
  }
  const requests = counter('keycourt_http_requests_total', 'HTTP requests answered', ['mode', 'route', 'status'])
  const seconds = new Histogram({
    name: 'keycourt_http_request_seconds',
    help: 'Time from request to answer',
    labelNames: ['mode', 'route'],
    buckets: BUCKETS,
    registers: [registry],
  })
  const minted = counter('keycourt_tokens_minted_total', 'Access tokens minted', ['mode', 'grant'])
  const refused = counter('keycourt_token_requests_refused_total', 'Token requests refused', ['mode', 'error'])
  const failed = counter('keycourt_authentication_failures_total', 'Failed authentications', ['mode', 'reason'])
  const stores = counter('keycourt_store_errors_total', 'Operations that a store did not answer', ['store'])
  const [route, grant, error, reason, store] = [bounded(), bounded(), bounded(), bounded(), bounded()] as const

  const metrics: Metrics = {
    httpRequest(labels, duration) {
      const known = { mode: labels.mode, route: route(labels.route) }
      requests.inc({ ...known, status: labels.status })
      seconds.observe(known, duration)
    },
    tokenMinted: (mode, value) => minted.inc({ mode, grant: grant(value) }),
    tokenRequestRefused: (mode, value) => refused.inc({ mode, error: error(value) }),
    authenticationFailed: (mode, value) => failed.inc({ mode, reason: reason(value) }),
    storeFailed: (value) => stores.inc({ store: store(value) }),
  }
  return { metrics, registry }
}

/** The first values keep their names, all later ones are `other`. */
function bounded(): (value: string) => string {
  const seen = new Set<string>()
  return (value) => {
    if (seen.size < MOST_VALUES) seen.add(value)
    return seen.has(value) ? value : 'other'
  }
}

/** What a scrape is answered with: a registry, or the sum of several. */
export interface MetricsSource {
  readonly contentType: string
  metrics(): Promise<string>
}

/** Serves `GET /metrics` and nothing else. @throws if the port can't be listened on. Port 0 takes a free one. */
export async function serveMetrics(
  registry: MetricsSource,
  port: number,
  host?: string,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    try {
      const body = await registry.metrics()
      response.writeHead(200, { 'content-type': registry.contentType }).end(body)
    } catch {
      response.writeHead(500).end()
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
