import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What one request brought: how long it took until its answer was whole. */
export interface Timed {
  readonly microseconds: number
  readonly status: number
  readonly body: string
}

/** One connection, kept; one request at a time, so that nobody waits for anybody. */
export interface Connection {
  send(request: Buffer): Promise<Timed>
  close(): void
}

/** No HTTP library: its own time would be in each sample. Only for answers with a Content-Length, as these have. */
export async function openConnection(port: number): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return {
    send: (request) => exchange(socket, request),
    close: () => socket.destroy(),
  }
}

function exchange(socket: Socket, request: Buffer): Promise<Timed> {
  return new Promise((resolve, reject) => {
    let text = ''
    const began = process.hrtime.bigint()
    const settle = (error?: Error) => {
      socket.removeAllListeners('data').removeAllListeners('error').removeAllListeners('close')
      if (error) reject(error)
    }
    socket.on('data', (chunk: Buffer) => {
      const now = process.hrtime.bigint()
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = end < 0 ? undefined : /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1]
      if (end < 0) return
      if (length === undefined) return settle(new Error('an answer without Content-Length'))
      const body = text.slice(end + 4)
      if (body.length < Number(length)) return
      settle()
      resolve({ microseconds: Number(now - began) / 1_000, status: Number(text.slice(9, 12)), body })
    })
    socket.on('error', settle)
    socket.on('close', () => settle(new Error('the server closed the connection')))
    socket.write(request)
  })
}
