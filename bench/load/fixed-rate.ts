import { createHistogram } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { type Answer, openConnection } from './connection.ts'
import type { RawRequest } from './request.ts'

/** Latencies in microseconds, from the moment at which each request was due. */
export interface FixedRate {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** Answers that are no success, and requests that got none. */
  readonly errors: number
}

/** Where the requests come from. */
export interface Queue {
  next(): RawRequest
  answered?(answer: Answer): void
}

export interface Wanted {
  readonly port: number
  readonly queue: Queue
  readonly perSecond: number
  readonly seconds: number
  /** Seconds before these that aren't counted. */
  readonly warmUp?: number
}

const CONNECTIONS = 64
/** Milliseconds for what is still under way at the end. */
const PATIENCE = 5_000

/**
 * As many requests a second as were asked for, however the server keeps up: one that finds all connections busy waits,
 * and its wait counts. wrk sends the next only when the last was answered, so that a server that stumbles is asked less.
 */
export async function fixedRate({ port, queue, perSecond, seconds, warmUp = 0 }: Wanted): Promise<FixedRate> {
  const latencies = createHistogram()
  const free = Array.from({ length: CONNECTIONS }, () => openConnection(port))
  const connections = [...free]
  const due: number[] = []
  const total = perSecond * (warmUp + seconds)
  let answered = 0
  let errors = 0

  const settled = (dueAt: number, isGood: boolean) => {
    if (dueAt >= began + warmUp * 1000) latencies.record(Math.max(1, Math.round((performance.now() - dueAt) * 1000)))
    answered += 1
    if (!isGood) errors += 1
  }
  const sendDue = () => {
    while (due.length && free.length) {
      const connection = free.pop() as (typeof free)[number]
      const dueAt = due.shift() as number
      connection.send(queue.next()).then(
        (answer) => {
          queue.answered?.(answer)
          settled(dueAt, answer.status === 200)
          free.push(connection)
          sendDue()
        },
        () => settled(dueAt, false),
      )
    }
  }

  const began = performance.now()
  for (let sent = 0; sent < total; await pause(1)) {
    const now = performance.now()
    for (; sent < total && began + (sent / perSecond) * 1000 <= now; sent++) due.push(began + (sent / perSecond) * 1000)
    sendDue()
  }
  const giveUp = performance.now() + PATIENCE
  while (answered < total && performance.now() < giveUp) await pause(5)
  for (const connection of connections) connection.close()
  const { max } = latencies
  const lost = total - answered
  return { perSecond, p50: latencies.percentile(50), p99: latencies.percentile(99), max, errors: errors + lost }
}
