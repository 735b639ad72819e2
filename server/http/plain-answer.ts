import { STATUS_CODES } from 'node:http'

/** An answer as its parts, whichever way it is written. */
export interface Answer {
  readonly status: number
  /** What every answer of the route carries. */
  readonly fixed: FixedFields
  /** Names and values in turn, as `writeHead` takes them: see {@link requireValues}. */
  readonly fields: readonly string[]
  readonly text: string
}

/** The same fields twice: made once, not thousands of times a second. */
export interface FixedFields {
  /** Names and values in turn. */
  readonly list: readonly string[]
  /** Each with its line end. */
  readonly text: string
}

export function fixedFields(fields: Readonly<Record<string, string>>): FixedFields {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return { list: Object.entries(fields).flat(), text: lines.join('') }
}

/** RFC 9110 §5.5. */
const VALUE = /^[\t\x20-\x7e]*$/

/**
 * @param fields names and values in turn
 * @throws {Error} if a value would be a field, or an answer, of its own.
 */
export function requireValues(fields: readonly string[]): void {
  for (let at = 1; at < fields.length; at += 2) {
    if (!VALUE.test(fields[at] as string)) throw new Error(`${fields[at - 1]} can't hold that`)
  }
}

/**
 * The answer as Node writes it (RFC 9112 §4).
 * @param keepAlive seconds that the connection may then idle; undefined if it ends
 */
export function plainAnswer({ status, fixed, fields, text }: Answer, keepAlive: number | undefined): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fixed.text}`
  for (let at = 0; at < fields.length; at += 2) head += `${fields[at]}: ${fields[at + 1]}\r\n`
  const connection = keepAlive === undefined ? 'close' : `keep-alive\r\nKeep-Alive: timeout=${keepAlive}`
  return `${head}Date: ${httpDate()}\r\nConnection: ${connection}\r\n\r\n${text}`
}

let date = { second: 0, text: '' }

/** RFC 9110 §5.6.7: made once a second, as Node does. */
function httpDate(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== date.second) date = { second, text: new Date(second * 1000).toUTCString() }
  return date.text
}
