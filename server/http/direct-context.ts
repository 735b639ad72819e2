import type { IncomingHttpHeaders } from 'node:http'
import type { EndpointContext, Incoming, RequestState } from './context.ts'

/** A request, and what is to be answered. Header names are as they were first set; setting one again replaces it. */
export interface DirectContext extends EndpointContext {
  /** Names and values in turn, beside those that all answers of the route carry. */
  readonly fields: string[]
}

interface Asked {
  readonly req: Incoming
  readonly headers: IncomingHttpHeaders
  readonly path: string
  readonly ip: string
  readonly state: RequestState
}

export function createDirectContext({ req, headers, path, ip, state }: Asked): DirectContext {
  return {
    req,
    headers,
    method: 'POST',
    path,
    ip,
    state,
    status: 404,
    body: undefined,
    type: '',
    fields: [],
    get,
    set,
  }
}

/** As Koa's `get`: a header that was sent several times is one, and one that wasn't sent is empty. */
export function fieldOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name.toLowerCase()]
  return Array.isArray(value) ? value.join() : (value ?? '')
}

function get(this: DirectContext, header: string): string {
  return fieldOf(this.headers, header)
}

function set(this: DirectContext, header: string, value: string): void {
  const at = this.fields.findIndex((field, index) => index % 2 === 0 && field === header)
  if (at === -1) this.fields.push(header, value)
  else this.fields[at + 1] = value
}
