import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createRawServer, type Server, type Socket } from 'node:net'
import { onTestFinished, vi } from 'vitest'
import type { ResolveHost } from '../../server/outbound/resolve-host.ts'

export interface Origin {
  readonly port: number
  /** Of each request that arrived, in order. */
  readonly requests: { url: string | undefined; headers: Record<string, unknown> }[]
  /** Resolves when the first connection is gone. */
  readonly left: Promise<unknown>
}

interface Where {
  readonly address?: string
  readonly port?: number
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** A real server that lives as long as the test. */
export async function origin(answer: RequestListener, { tls, ...where }: Where = {}): Promise<Origin> {
  const requests: Origin['requests'] = []
  const listener: RequestListener = (request, response) => {
    requests.push({ url: request.url, headers: request.headers })
    answer(request, response)
  }
  return { requests, ...(await listening(tls ? createSecureServer(tls, listener) : createServer(listener), where)) }
}

/** A server that speaks as it likes, and listens to nothing. */
export const rawOrigin = async (talk: (socket: Socket) => void): Promise<Origin> => ({
  requests: [],
  ...(await listening(
    createRawServer((socket) => talk(socket.resume())),
    {},
  )),
})

async function listening(server: Server, { address = '127.0.0.1', port = 0 }: Where) {
  const sockets = new Set<Socket>()
  const left = new Promise((resolve) => {
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('error', () => {}).once('close', resolve)
    })
  })
  server.listen(port, address)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (server.address() as AddressInfo).port, left }
}

/** Answers with a document, as JSON unless `headers` say otherwise. */
export const json =
  (document: unknown, headers: Record<string, string> = {}): RequestListener =>
  (_, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers })
    response.end(typeof document === 'string' || Buffer.isBuffer(document) ? document : JSON.stringify(document))
  }

/** A DNS that has these answers, one after the other and then the last for ever, whatever the name. */
export function dnsOf(...answers: string[][]) {
  const asked = vi.fn<ResolveHost>(async () => (answers.length > 1 ? answers.shift() : answers[0]) ?? [])
  return { ours: asked, anybodys: asked, asked }
}
