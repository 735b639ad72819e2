import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll } from 'vitest'
import type { BootstrapMode } from '../../server/tenancy/bootstrap.ts'

const agents = new Set<Agent>()
afterAll(() => {
  for (const agent of agents) agent.destroy()
})

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects.
  readonly json: any
}

/** What a request sends besides its method and path. */
export interface Sent {
  readonly form?: Readonly<Record<string, string>>
  readonly json?: object
  readonly headers?: Readonly<Record<string, string>>
}

export type Pair = Pick<BootstrapMode, 'client_id' | 'client_secret'>

/** Requests to one mode of one process: by its port, with the issuer's host, as a balancer sends them. */
export interface Caller {
  send(method: string, path: string, sent?: Sent): Promise<Answer>
  token(key: Pair, form?: Readonly<Record<string, string>>): Promise<Answer>
  /** A token, or else an error with the answer. */
  mint(key: Pair): Promise<string>
  introspect(key: Pair, token: string): Promise<Answer>
  revoke(key: Pair, token: string): Promise<Answer>
  api(method: string, path: string, credential: string, json?: object): Promise<Answer>
}

export const basic = ({ client_id, client_secret }: Pair): Readonly<Record<string, string>> => ({
  authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`,
})

export function callerAt(port: number, issuer = `http://localhost:${port}`, { keepAlive = true } = {}): Caller {
  const agent = new Agent({ keepAlive, maxSockets: 20 })
  agents.add(agent)
  const { host } = new URL(issuer)

  async function send(method: string, path: string, { form, json, headers }: Sent = {}): Promise<Answer> {
    const body = form ? new URLSearchParams(form).toString() : json && JSON.stringify(json)
    const type = form ? 'application/x-www-form-urlencoded' : 'application/json'
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const call = request({
        ...{ agent, host: '127.0.0.1', port, method, path },
        headers: { host, ...(body !== undefined && { 'content-type': type }), ...headers },
      })
      call.on('response', resolve).on('error', reject).end(body)
    })
    const received = await text(response)
    const isJson = /json/.test(response.headers['content-type'] ?? '')
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text: received,
      json: isJson ? JSON.parse(received) : undefined,
    }
  }

  const token: Caller['token'] = (key, form = {}) =>
    send('POST', '/oauth/token', { form: { grant_type: 'client_credentials', ...form }, headers: basic(key) })
  return {
    send,
    token,
    async mint(key) {
      const answer = await token(key)
      if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.text}`)
      return answer.json.access_token
    },
    introspect: (key, value) => send('POST', '/oauth/introspect', { form: { token: value }, headers: basic(key) }),
    revoke: (key, value) => send('POST', '/oauth/revoke', { form: { token: value }, headers: basic(key) }),
    api: (method, path, credential, json) =>
      send(method, path, { ...(json && { json }), headers: { authorization: `Bearer ${credential}` } }),
  }
}

/** Runs `work` for each of `count` numbers, at most ten at a time; the results in order. */
export async function many<T>(count: number, work: (at: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const lane = async () => {
    while (next < count) {
      const at = next++
      results[at] = await work(at)
    }
  }
  await Promise.all(Array.from({ length: 10 }, lane))
  return results
}
