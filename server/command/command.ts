import type { ParseArgsConfig } from 'node:util'

export interface Command {
  /** The line after `keycourt`. */
  readonly usage: string
  readonly meaning: string
  readonly options?: ParseArgsConfig['options']
  /** @returns the exit code. @throws {Error} whose message is a sentence for the operator. */
  run(call: CommandCall): Promise<number>
}

export interface CommandCall {
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, string | undefined>>
  readonly environment: Readonly<Record<string, string | undefined>>
}

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
