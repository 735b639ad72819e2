import type { Endpoint, Handler, RequestContext } from '../http/context.ts'
import type { Mode } from './mode.ts'

/** One of the two worlds, as the listener sees it: which host it answers for, and what it serves there. */
export interface ModeRuntime {
  readonly mode: Mode
  /** The issuer, `https://api.example.com`: no slash at the end. */
  readonly issuer: string
  /** What a request's Host must be: `localhost:3000`, or without the port where it is the scheme's own. */
  readonly host: string
  /** `POST /oauth/token` → its handler. */
  readonly routes: ReadonlyMap<string, Handler>
  /** Of those, the ones that are posted to thousands of times a second: `/oauth/token` → its endpoint. */
  readonly direct: ReadonlyMap<string, Endpoint>
  /** All of `/v1`. */
  readonly managementApi: Handler
  /** What is at or below one of these, and isn't a route of its own, is for people's browsers: `/account`. */
  readonly pages: readonly { readonly prefix: string; readonly handle: Handler }[]
  /** Says in such a browser what went wrong; the status is set. */
  readonly errorPage: (
    ctx: RequestContext,
    error: { readonly error: string; readonly error_description?: string | undefined },
  ) => void
}
