import { writeFile } from 'node:fs/promises'

/** A request as it goes over the wire, so that the generators of load need not put it together. */
export type RawRequest = string

type Headers = Readonly<Record<string, string>>

export const get = (host: string, path: string, headers: Headers = {}): RawRequest => raw('GET', host, path, headers)

export const postForm = (
  host: string,
  path: string,
  form: Readonly<Record<string, string>>,
  headers: Headers = {},
): RawRequest => {
  const body = new URLSearchParams(form).toString()
  const type = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': String(body.length) }
  return raw('POST', host, path, { ...headers, ...type }, body)
}

function raw(method: string, host: string, path: string, headers: Headers, body = ''): RawRequest {
  const lines = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

/** The same requests, to the last byte, of another path. */
export const aimedAt = (path: string, requests: readonly RawRequest[]): RawRequest[] =>
  requests.map((each) => each.replace(/^(\w+) \S+/, `$1 ${path}`))

/** For the Lua scripts beside this file: each request with its length before it. */
export async function writeRequests(file: string, requests: readonly RawRequest[]): Promise<void> {
  await writeFile(file, requests.map((each) => `${each.length}\n${each}`).join(''))
}
