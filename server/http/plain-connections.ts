import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { type Answer, plainAnswer } from './plain-answer.ts'
import { type PlainRequest, readPlainRequest } from './plain-request.ts'

/** Resolves with undefined if nothing sensible can be said. @returns undefined if it has no answer of its own. */
export type OnPlain = (request: PlainRequest, ip: string) => Promise<Answer | undefined> | undefined

/** Milliseconds. */
interface Patience {
  /** For the first request. */
  readonly headersTimeout: number
  /** For each after it. */
  readonly keepAliveTimeout: number
}

export interface PlainConnections {
  /** Whoever wants nothing now is let go; whoever waits for an answer gets it, and is told that it is the last. */
  finish(): void
  destroy(): void
}

interface Connection {
  finish(): void
  readonly socket: Socket
}

/** RFC 9110 §15.5.9, as Node's parser would say it. */
const TIMEOUT = { code: 'ERR_HTTP_REQUEST_TIMEOUT' }

/**
 * Stands between a server's socket and Node's parser: while a connection brings plain requests with answers of `onPlain`,
 * one after the other, Node's HTTP never hears of it (that costs more than a token does). With the first byte of anything
 * else the connection is Node's for good, together with that byte.
 */
export function receivePlainly(server: Server, onPlain: OnPlain, patience: Patience): PlainConnections {
  const { headersTimeout, keepAliveTimeout } = patience
  const [toNode] = server.listeners('connection') as [(socket: Socket) => void]
  server.removeListener('connection', toNode)
  const open = new Set<Connection>()
  let isFinishing = false

  function converse(socket: Socket): void {
    const ip = socket.remoteAddress ?? ''
    let isBusy = false
    let isLast = isFinishing
    let isFirst = true
    let ahead: Buffer | undefined

    function receive(received: Buffer): void {
      if (isBusy) {
        // RFC 9112 §9.3.2: pipelined, and to be answered in order.
        ahead = received
        socket.pause()
        return
      }
      const request = readPlainRequest(received)
      const answering = request && onPlain(request, ip)
      if (!answering) {
        handOver(received)
        return
      }
      isBusy = true
      isLast ||= request.isLast
      answering.then(answer).catch(() => socket.destroy())
    }

    function answer(answer: Answer | undefined): void {
      isBusy = false
      if (!answer || !socket.writable) {
        socket.destroy()
        return
      }
      const isFlushed = socket.write(plainAnswer(answer, isLast ? undefined : Math.floor(keepAliveTimeout / 1000)))
      if (isLast) leave()
      else if (ahead) handOver(ahead)
      else awaitNext(isFlushed)
    }

    function awaitNext(isFlushed: boolean): void {
      if (isFirst) socket.setTimeout(keepAliveTimeout)
      isFirst = false
      if (isFlushed) return
      // It doesn't read its answers, and is not listened to until it does.
      socket.pause()
      socket.once('drain', () => socket.resume())
    }

    /** RFC 9112 §9.6: once it is told so, nothing that comes is begun. */
    function leave(): void {
      socket.off('data', receive).destroySoon()
    }

    /** RFC 9112 §9.5, §9.6: it has said all that it will. */
    function end(): void {
      if (isBusy) isLast = true
      else socket.end()
    }

    function timeOut(): void {
      if (isBusy) return
      socket.off('data', receive)
      if (isFirst) server.emit('clientError', Object.assign(new Error('nothing came'), TIMEOUT), socket)
      else socket.destroy()
    }

    function handOver(received: Buffer): void {
      open.delete(connection)
      socket.off('data', receive).off('end', end).off('timeout', timeOut).setTimeout(0)
      socket.pause()
      socket.unshift(received)
      toNode.call(server, socket)
      socket.resume()
    }

    const connection: Connection = {
      socket,
      finish() {
        if (isBusy) isLast = true
        else leave()
      },
    }
    open.add(connection)
    socket.on('data', receive).on('end', end).on('timeout', timeOut).setTimeout(headersTimeout)
    // A reset is one of the ways in which a client may leave: the socket is gone by itself.
    socket.on('error', () => {}).once('close', () => open.delete(connection))
  }

  server.on('connection', converse)
  return {
    finish() {
      isFinishing = true
      for (const { finish } of open) finish()
    },
    destroy() {
      for (const { socket } of open) socket.destroy()
    },
  }
}
