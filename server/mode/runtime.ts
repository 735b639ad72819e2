import type { Handler } from '../http/context.ts'
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
  /** All of `/v1`. */
  readonly managementApi: Handler
}
