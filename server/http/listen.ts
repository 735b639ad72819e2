import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type OnPlain, type PlainConnections, receivePlainly } from './plain-connections.ts'

export interface Listener {
  readonly onRequest: RequestListener
  /** What it answers before Node's parser has read it. */
  readonly onPlain?: OnPlain
}

export interface Listening {
  readonly address: string
  /** No new connections; resolves when the requests in flight are answered, or after `patience` milliseconds. */
  close(patience: number): Promise<void>
}

/** Milliseconds and bytes: enough for any honest client, too little to hold a socket with. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
}

/** Each open connection, with the answer to its latest request; undefined while it has sent none. */
type Connections = Map<Socket, ServerResponse | undefined>

/** @throws {Error} with the address, if it is taken or not ours. */
export async function listen(
  { onRequest, onPlain = () => undefined }: Listener,
  port: number,
  host: string | undefined,
  limits: Partial<typeof LIMITS> = {},
): Promise<Listening> {
  const connections: Connections = new Map()
  const patience = { ...LIMITS, ...limits }
  const server = createServer(patience, (request, response) => {
    connections.set(request.socket, response)
    onRequest(request, response)
  })
  server.on('connection', (socket) => {
    connections.set(socket, undefined)
    socket.once('close', () => connections.delete(socket))
  })
  const plain = receivePlainly(server, onPlain, patience)
  server.maxRequestsPerSocket = 0
  server.on('clientError', answerMalformed)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const { port: listened } = server.address() as AddressInfo
  return { address: `${host ?? '*'}:${listened}`, close: (patience) => drain({ server, connections, plain }, patience) }
}

/** Milliseconds that a refused client has to read why; one that never closes its own side doesn't keep the socket. */
const LINGER = 1_000

/** What Node's parser refused never reaches Koa. RFC 9110 §15.5. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const status = STATUS_OF[error.code ?? ''] ?? '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  setTimeout(() => socket.destroy(), LINGER).unref()
}

const STATUS_OF: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

interface Open {
  server: Server
  connections: Connections
  plain: PlainConnections
}

/** Whoever wants nothing now is let go; whoever waits for an answer gets it, and is told that it is the last. */
function drain({ server, connections, plain }: Open, patience: number): Promise<void> {
  // RFC 9112 §9.6. Requests that were on their way on an open connection are answered as well.
  const last = (response: ServerResponse) => {
    if (!response.headersSent) response.setHeader('Connection', 'close')
  }
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.closeAllConnections()
      plain.destroy()
    }, patience)
    server.prependListener('request', (_, response) => last(response))
    server.close(() => {
      clearTimeout(force)
      resolve()
    })
    server.closeIdleConnections()
    plain.finish()
    for (const [socket, response] of connections) {
      if (response) last(response)
      // A browser or a balancer opens some in advance; Node 24 doesn't count them as idle.
      else if (socket.bytesRead === 0) socket.destroy()
    }
  })
}
