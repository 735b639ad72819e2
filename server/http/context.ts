import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { ParameterizedContext } from 'koa'
import type { ModeRuntime } from '../mode/runtime.ts'
import type { PlainRequest } from './plain-request.ts'

/** What the listener's middleware finds out about a request, typed, before a route sees it. */
export interface RequestState {
  requestId: string
  /** The route's pattern (`/v1/api-keys/:id`): for logs and metrics, where a path could hold anything. */
  route: string
  /** Set by host.ts; not before, and not for health checks. */
  mode: ModeRuntime
  /** Public ids of who made the request, for the log. */
  client?: string
  tenant?: string
  /** Why it was refused: for the log alone, answers say less. */
  refusal?: string
}

export type RequestContext = ParameterizedContext<RequestState>
export type Handler = (ctx: RequestContext) => Promise<void> | void

/** As Node's parser gives it, or whole and plain. */
export type Incoming = IncomingMessage | PlainRequest

/** The little of a context that the endpoints for machines need. Koa's has it, and so has that of direct.ts. */
export interface EndpointContext {
  readonly req: Incoming
  readonly headers: IncomingHttpHeaders
  readonly method: string
  readonly path: string
  readonly ip: string
  readonly state: RequestState
  status: number
  body: unknown
  type: string
  get(header: string): string
  set(header: string, value: string): void
}

export type Endpoint = (ctx: EndpointContext) => Promise<void> | void
