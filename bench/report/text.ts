import type { Change, Figures, Latency, Memory, Other, Rate, Results } from '../results.ts'

/** Lines for a terminal. */
export function headline({ machine, commit, settings }: Pick<Results, 'machine' | 'commit' | 'settings'>): string {
  const { processor, cores, memory, node, redis, postgres } = machine
  const { clients, rounds, seconds, connections } = settings
  return (
    `${processor}, ${cores} cores, ${memory} GB; Node ${node}, Redis ${redis}, PostgreSQL ${postgres}; commit ${commit}; ` +
    `${clients} clients, ${connections} connections, ${rounds} rounds of ${seconds} s\n`
  )
}

export function rateText({ title, processes, connections, ours, promised, others }: Rate): string {
  const goal = promised.perSecond ? `   promised ${promised.perSecond}/s` : ''
  return `${title}, ${processesText(processes)}, ${connections} connections: ${figuresText(ours)}${goal}\n${others
    .map((other) => `  ${otherText(other, other.against === 'floor' ? promised.ratio : undefined)}\n`)
    .join('')}`
}

export const processesText = (count: number): string => (count === 1 ? '1 process' : `${count} processes`)

function otherText({ title, figures, ratio }: Other, promised: number | undefined): string {
  const { median, least, most } = ratio
  const goal = promised ? `   promised ${promised.toFixed(2)}` : ''
  return `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)}) of ${title}: ${figuresText(figures)}${goal}`
}

function figuresText({ perSecond, p50, p99, cpu, errors }: Figures): string {
  const processor = cpu === null ? '' : `, ${cpu.toFixed(0)} µs of processor time`
  return `${perSecond}/s, p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}${processor}${errors ? `, ${errors} ERRORS` : ''}`
}

export const milliseconds = (microseconds: number): string => `${(microseconds / 1000).toFixed(1)} ms`

export function latencyText({ title, processes, perSecond, p50, p99, max, errors }: Latency): string {
  return (
    `${title} at ${perSecond}/s, ${processesText(processes)}: p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}, ` +
    `longest ${milliseconds(max)}${errors ? `, ${errors} ERRORS` : ''}   promised p99 25 ms\n`
  )
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

const changeText = ({ before, after }: Change): string => `${megabytes(before)} to ${megabytes(after)}`

export function memoryText({ liveTokens, database, node, auditEntry }: Memory): string {
  // Below nothing it is what the collector's moods come to.
  const perMillion = Math.max(0, node.heapPerMillion)
  return [
    `A live token takes ${liveTokens.bytesEach.toFixed(0)} bytes of Redis at ${liveTokens.tokens} ` +
      `(${liveTokens.overHttp} of them minted over HTTP)   promised 400`,
    `Redis: ${megabytes(liveTokens.before)} empty, ${megabytes(liveTokens.with)} with them, ` +
      `${megabytes(liveTokens.after)} and ${liveTokens.keysAfter} keys when they were over`,
    `PostgreSQL without Redis, ${database.tokens} tokens: ${megabytes(database.before)} empty, ` +
      `${megabytes(database.with)} with them, ${megabytes(database.swept)} swept (in ${database.sweepSeconds.toFixed(0)} s), ` +
      `${megabytes(database.sweptAgain)} after as many more`,
    `The server after ${node.mints} mints in ${node.seconds.toFixed(0)} s: heap ${changeText(node.heap)}, ` +
      `resident ${changeText(node.resident)}; ${megabytes(perMillion)} of heap per million mints, ` +
      `so ${megabytes(perMillion * MILLIONS_AN_HOUR)} in an hour at the promised rate`,
    `The audit log keeps ${auditEntry.toFixed(0)} bytes of PostgreSQL of a mint, until its retention is over`,
    '',
  ].join('\n')
}

/** At 4,000 a second. */
const MILLIONS_AN_HOUR = (4_000 * 3_600) / 1e6
