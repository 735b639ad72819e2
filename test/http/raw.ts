import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

/** A connection on which anything at all can be written. */
export interface RawConnection {
  readonly socket: Socket
  /** All that came back, once the server has ended its side. */
  readonly answered: Promise<string>
  /** Resolves when the connection is gone altogether. */
  readonly closed: Promise<void>
}

/** @param halfOpen keeps our side open when the server has ended its own, as a stubborn client would. */
export async function connect(port: number, { halfOpen = false } = {}): Promise<RawConnection> {
  const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: halfOpen })
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const ended = new Promise<void>((resolve) => socket.once('end', resolve))
  // A reset is one of the ways in which a server may end the conversation.
  socket.on('error', () => {})
  await once(socket, 'connect')
  return { socket, answered: Promise.race([ended, closed]).then(() => text), closed }
}

/** Sends `request` as it is, and nothing more; what came back until the server closed. */
export async function exchange(port: number, request: string | Buffer): Promise<string> {
  const { socket, answered } = await connect(port, { halfOpen: true })
  socket.write(typeof request === 'string' ? Buffer.from(request, 'latin1') : request)
  const text = await answered
  socket.destroy()
  return text
}

/** Of the final answer; NaN where there was none at all. */
export const statusOf = (answer: string): number =>
  Number(/^(?:HTTP\/1\.1 1.*\r\n\r\n)*HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? Number.NaN)

/** A request that asks for the connection to be closed after its answer. */
export function rawRequest(line: string, headers: Record<string, string | string[]>, body = ''): string {
  const lines = Object.entries({ connection: 'close', ...headers }).flatMap(([name, value]) =>
    [value].flat().map((each) => `${name}: ${each}\r\n`),
  )
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}
