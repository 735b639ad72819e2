/** What a span knows of a request: nothing that could hold a secret. No query, no header but the trace's own, no body. */
export interface TracedRequest {
  readonly method: string
  readonly mode: string
  /** W3C Trace Context of the caller. Other headers are not looked at. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** @property route the route's pattern, `/v1/api-keys/:id`; undefined if none matched */
export interface TracedAnswer {
  readonly route: string | undefined
  readonly status: number
}

/** One server span around `work`, which is the active one for all that it calls. Answers and throws what `work` does. */
export type Trace = <T extends TracedAnswer>(request: TracedRequest, work: () => Promise<T>) => Promise<T>

export interface Traces {
  /** Undefined without an endpoint: leave it out of the middleware list, and it costs nothing. */
  readonly trace: Trace | undefined
  /** Sends what is left, for 3 s at most. */
  stop(): Promise<void>
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const DEADLINE = 3000

/** @param endpoint OTLP over HTTP; `/v1/traces` is added, as the OTLP exporter specification asks. Once per process. */
export async function startTraces(endpoint: URL | undefined): Promise<Traces> {
  if (!endpoint) return { trace: undefined, stop: async () => {} }
  // Loaded only here: who sends no traces doesn't load the libraries either.
  const [api, sdk, { OTLPTraceExporter }, { defaultResource, resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ])
  const exporter = new OTLPTraceExporter({ url: tracesUrl(endpoint), timeoutMillis: DEADLINE })
  const provider = new sdk.NodeTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes({ 'service.name': 'keycourt' })),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
  })
  provider.register()
  const tracer = provider.getTracer('keycourt')

  const trace: Trace = ({ method, mode, headers }, work) => {
    const parent = api.propagation.extract(api.ROOT_CONTEXT, {
      traceparent: headers.traceparent,
      tracestate: headers.tracestate,
    })
    const known = METHODS.has(method) ? method : '_OTHER'
    const attributes = { 'http.request.method': known, 'keycourt.mode': mode }
    return tracer.startActiveSpan(known, { kind: api.SpanKind.SERVER, attributes }, parent, async (span) => {
      try {
        const answer = await work()
        span.setAttribute('http.response.status_code', answer.status)
        if (answer.route) span.updateName(`${known} ${answer.route}`).setAttribute('http.route', answer.route)
        if (answer.status >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR })
        return answer
      } catch (error) {
        // The kind of error only: its message may quote what was sent.
        span.setAttribute('error.type', error instanceof Error ? error.name : typeof error)
        span.setStatus({ code: api.SpanStatusCode.ERROR })
        throw error
      } finally {
        span.end()
      }
    })
  }

  return {
    trace,
    async stop() {
      // A collector that is away doesn't hold up the end of the process.
      await provider.shutdown().catch(() => {})
      api.trace.disable()
      api.context.disable()
      api.propagation.disable()
    },
  }
}

const tracesUrl = (endpoint: URL): string => {
  const url = new URL(endpoint)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`
  return url.href
}
