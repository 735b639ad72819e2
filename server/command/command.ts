import type { ParseArgsConfig } from 'node:util'

export interface Command {
  /** The line after `keycourt`. */
  readonly usage: string
  readonly meaning: string
  /** Words that have to follow the command's name, if any. */
  readonly words?: readonly string[]
  /** What has to follow those, as the usage calls it. */
  readonly operands?: readonly string[]
  readonly options?: ParseArgsConfig['options']
  /** Only now: the server is a second's worth of modules, of which `config` needs none. */
  load(): Promise<Run>
}

/** @returns the exit code. @throws {Error} whose message is a sentence for the operator. */
export type Run = (call: CommandCall) => Promise<number>

export interface CommandCall {
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  /** By what the usage calls them. */
  readonly operands: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** The command was asked wrongly: the usage is shown, and the exit code is 2. */
export class Misuse extends Error {
  override readonly name = 'Misuse'
}

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
