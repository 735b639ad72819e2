import { parseArgs } from 'node:util'
import { SettingsError } from '../settings.ts'
import type { Command } from './command.ts'
import { config } from './config.ts'
import { doctor } from './doctor.ts'
import { keys } from './keys.ts'
import { migrateCommand } from './migrate.ts'
import { start } from './start.ts'

/** `keycourt <command>`. Exit codes: 0 done, 1 it failed, 2 it was asked wrongly. */
const COMMANDS: Record<string, Command> = { start, config, migrate: migrateCommand, keys, doctor }

const usage = (): string => {
  const rows = Object.values(COMMANDS).map(({ usage, meaning }) => `  keycourt ${usage.padEnd(42)} ${meaning}`)
  return `Usage:\n${rows.join('\n')}\n`
}

async function run(args: string[]): Promise<number> {
  const [name = '', ...rest] = args
  if (name === '' || name === 'help' || name === '--help') {
    process.stdout.write(usage())
    return name ? 0 : 2
  }
  const command = COMMANDS[name]
  if (!command) return misused(`there is no command "${name}"`)
  try {
    const { values, positionals } = parseArgs({ args: rest, options: command.options ?? {}, allowPositionals: true })
    return await command.run({ positionals, options: values as Record<string, string>, environment: process.env })
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) return misused((error as Error).message)
    const words = error instanceof SettingsError ? error.message : sentence(error)
    process.stderr.write(`${words}\n`)
    return 1
  }
}

function misused(what: string): number {
  process.stderr.write(`keycourt: ${what}\n\n${usage()}`)
  return 2
}

const sentence = (error: unknown): string => `keycourt: ${error instanceof Error ? error.message : String(error)}`

// `keycourt config | head` closes the pipe early: no reason for a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await run(process.argv.slice(2))
