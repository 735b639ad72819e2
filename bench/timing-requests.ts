import { type Connection, openConnection } from './timing-connection.ts'
import type { SeededKey } from './timing-world.ts'

/** The addresses of the server's two modes. */
export interface Ports {
  readonly live: number
  readonly test: number
}

type Pair = Pick<SeededKey, 'clientId' | 'clientSecret'>

export const MINT = 'grant_type=client_credentials&scope=api-keys:read'

let networks = 0

/** Each from a network of its own, through a trusted proxy: the limit of failures is not what is measured. */
export function requestTo(port: number, path: string, { clientId, clientSecret }: Pair, form: string): Buffer {
  networks += 1
  const group = (value: number) => value.toString(16).padStart(4, '0')
  const from = `2001:db8:${group(networks >> 16)}:${group(networks & 0xffff)}::1`
  const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64')
  const head = [
    ...[
      `POST ${path} HTTP/1.1`,
      `Host: localhost:${port}`,
      `Authorization: Basic ${basic}`,
      `X-Forwarded-For: ${from}`,
    ],
    ...['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${form.length}`],
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${form}`)
}

/** @throws {Error} if it isn't answered with 200. */
async function expectOk(connection: Connection, request: Buffer): Promise<string> {
  const { status, body } = await connection.send(request)
  if (status !== 200) throw new Error(`${status} ${body}`)
  return body
}

/** A token of each key. */
export async function mintEach(keys: readonly SeededKey[], port: number): Promise<string[]> {
  const connection = await openConnection(port)
  const tokens: string[] = []
  for (const key of keys) {
    const body = await expectOk(connection, requestTo(port, '/oauth/token', key, MINT))
    tokens.push((JSON.parse(body) as { access_token: string }).access_token)
  }
  connection.close()
  return tokens
}

/** The tokens that {@link mintEach} made of `keys`, in their order. */
export async function revokeEach(tokens: readonly string[], keys: readonly SeededKey[], port: number): Promise<void> {
  const connection = await openConnection(port)
  for (const [at, token] of tokens.entries()) {
    await expectOk(connection, requestTo(port, '/oauth/revoke', keys[at] as SeededKey, `token=${token}`))
  }
  connection.close()
}

/** By the management API, as an admin would. */
export async function revokeKeys(keys: readonly SeededKey[], caller: SeededKey, port: number): Promise<void> {
  for (const { id } of keys) {
    const answer = await fetch(`http://localhost:${port}/v1/api-keys/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${caller.key}` },
    })
    if (answer.status !== 204) throw new Error(`${answer.status} ${await answer.text()}`)
  }
}
