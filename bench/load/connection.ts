import { connect, type Socket } from 'node:net'
import type { RawRequest } from './request.ts'

export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Kept alive; one request at a time. */
export interface Connection {
  send(request: RawRequest): Promise<Answer>
  close(): void
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** Far less work than a client that knows all of HTTP: what it took would be missing to the server beside it. */
export function openConnection(port: number): Connection {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let received = ''
  let waiting: Waiting | undefined

  const fail = (error: Error) => {
    waiting?.reject(error)
    waiting = undefined
  }
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    received += chunk
    const answer = answerIn(received)
    if (!answer) return
    received = ''
    const settled = waiting
    waiting = undefined
    settled?.resolve(answer)
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection was closed')))
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(request, 'latin1')
      }),
    close: () => void socket.destroy(),
  }
}

/** RFC 9112 §6.3; our servers say how long their answers are. */
function answerIn(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  const body = text.slice(end + 4)
  return body.length < length ? undefined : { status: Number(head.slice(9, 12)), head, body }
}
