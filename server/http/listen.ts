import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'

export interface Listening {
  readonly address: string
  /** No new connections; resolves when the requests in flight are answered, or after `patience` milliseconds. */
  close(patience: number): Promise<void>
}

/** Milliseconds and bytes: enough for any honest client, too little to hold a socket with. */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 65_000, maxHeaderSize: 16 * 1024 }

/** @throws {Error} with the address, if it is taken or not ours. */
export async function listen(listener: RequestListener, port: number, host: string | undefined): Promise<Listening> {
  const server = createServer({ ...LIMITS, connectionsCheckingInterval: 2_000 }, listener)
  server.maxRequestsPerSocket = 0
  server.on('clientError', answerMalformed)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return { address: `${host ?? '*'}:${port}`, close: (patience) => drain(server, patience) }
}

/** What Node's parser refused never reaches Koa. RFC 9110 §15.5. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const status = STATUS_OF[error.code ?? ''] ?? '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

const STATUS_OF: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

function drain(server: Server, patience: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), patience)
    server.close(() => {
      clearTimeout(force)
      resolve()
    })
    server.closeIdleConnections()
  })
}
