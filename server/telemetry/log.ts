import { format } from 'node:util'
import { type DestinationStream, type LogFn, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino'
import type { LogLevel } from '../settings.ts'
import { SECRET_MEMBERS, scrub, scrubValue } from './scrub.ts'

export type Logger = PinoLogger

interface LogOptions {
  level: LogLevel
  /** One readable line per entry instead of JSON: for a person at a terminal. */
  pretty?: boolean
  /** Standard output without it. */
  destination?: DestinationStream
}

/**
 * JSON lines with ISO times. Two nets against secrets: members with telling names are redacted, and everything that looks
 * like a credential is scrubbed from messages, errors and every other string, whoever wrote them.
 */
export function createLog({ level, pretty = false, destination = process.stdout }: LogOptions): Logger {
  const log = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      redact: { paths: redactPaths(), censor: '…' },
      formatters: {
        level: (label) => ({ level: label }),
        log: (entry) => scrubValue(entry) as Record<string, unknown>,
      },
      // Errors are plain by the time serializers run; pino's own would take them for errors of the type "Object".
      serializers: { err: (value: unknown) => scrubValue(value) },
      hooks: {
        logMethod(args, method) {
          method.apply(this, scrubArguments(args) as Parameters<LogFn>)
        },
      },
    },
    pretty ? readable(destination) : destination,
  )
  return Object.assign(log, { child: scrubbedChild(log) })
}

/** pino 10 formats a child's bindings without our formatters. Grandchildren inherit this one. */
const scrubbedChild = ({ child }: Logger): Logger['child'] =>
  function (this: Logger, bindings, options) {
    return child.call(this, scrubValue(bindings) as typeof bindings, options)
  } as Logger['child']

/** pino's wildcards stand for one level. */
const redactPaths = (): string[] =>
  SECRET_MEMBERS.flatMap((name) => {
    const member = /^\w+$/.test(name) ? `.${name}` : `["${name}"]`
    return [member.replace(/^\./, ''), `*${member}`, `*.*${member}`]
  })

/** The message is formatted here, so that a credential put together by `%s` is seen whole. */
function scrubArguments([first, ...rest]: unknown[]): unknown[] {
  if (typeof first === 'string') return [scrub(format(first, ...rest.map((item) => scrubValue(item))))]
  if (rest.length) return [first, scrub(format(...rest.map((item) => scrubValue(item))))]
  // pino would take the error's message as it is.
  const error = first instanceof Error ? first : (first as { err?: unknown } | undefined)?.err
  return error instanceof Error ? [first, scrub(error.message)] : [first]
}

function readable(destination: DestinationStream): DestinationStream {
  return {
    write(line) {
      const { time, level, pid: _, msg = '', err, ...rest } = JSON.parse(line)
      const details = Object.entries(rest).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
      const stack = err ? `\n${err.stack ?? err.message}` : ''
      destination.write(`${time.slice(11, 19)} ${level.padEnd(5)} ${msg}${details.join('')}${stack}\n`)
    },
  }
}
