import { parseArgs } from 'node:util'
import { SettingsError } from '../settings.ts'
import { scrub } from '../telemetry/scrub.ts'
import { type Command, Misuse } from './command.ts'

/** `keycourt <command>`. Exit codes: 0 done, 1 it failed, 2 it was asked wrongly. */
const COMMANDS: Readonly<Record<string, Command>> = {
  start: {
    usage: 'start',
    meaning: 'run the server (migrates and, the first time, makes a tenant)',
    load: async () => (await import('./start.ts')).start,
  },
  config: {
    usage: 'config',
    meaning: 'print the effective settings, secrets masked',
    load: async () => (await import('./config.ts')).config,
  },
  migrate: {
    usage: 'migrate',
    meaning: 'bring the database up to date (start does it too)',
    load: async () => (await import('./migrate.ts')).migrate,
  },
  keys: {
    usage: 'keys rotate [--mode live] [--alg ES256]',
    meaning: 'give signing keys successors: published now, signing once caches have them',
    words: ['rotate'],
    options: { mode: { type: 'string' }, alg: { type: 'string' } },
    load: async () => (await import('./keys.ts')).rotateKeys,
  },
  doctor: {
    usage: 'doctor [--json]',
    meaning: 'look for what is wrong with settings, stores and issuers, and say what to do',
    options: { json: { type: 'boolean' } },
    load: async () => (await import('./doctor.ts')).doctor,
  },
}

const usage = (): string => {
  const rows = Object.values(COMMANDS).map(({ usage, meaning }) => `  keycourt ${usage.padEnd(42)} ${meaning}`)
  return `Usage:\n${rows.join('\n')}\n`
}

async function run([name = '', ...rest]: string[]): Promise<number> {
  if (name === '' || name === 'help' || name === '--help') {
    const output = name ? process.stdout : process.stderr
    output.write(usage())
    return name ? 0 : 2
  }
  try {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (!command) throw new Misuse(`there is no command "${name}"`)
    const options = parse(command, rest)
    const runCommand = await command.load()
    return await runCommand({ options, environment: process.env })
  } catch (error) {
    if (error instanceof Misuse) process.stderr.write(`keycourt: ${error.message}\n\n${usage()}`)
    else process.stderr.write(`${scrub(sentence(error))}\n`)
    return error instanceof Misuse ? 2 : 1
  }
}

/** @throws {Misuse} */
function parse({ usage, options = {}, words = [] }: Command, args: string[]) {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    if (positionals.join(' ') === words.join(' ')) return values as Record<string, string | boolean | undefined>
  } catch (error) {
    throw new Misuse((error as Error).message)
  }
  throw new Misuse(`it is \`keycourt ${usage}\`, not \`${args.join(' ')}\``)
}

/** One or more, for the operator: no stack. Some errors of Node's have a code and no message. */
function sentence(error: unknown): string {
  if (error instanceof SettingsError) return error.message
  const { message, code } = error as NodeJS.ErrnoException
  return `keycourt: ${message || code || String(error)}`
}

// `keycourt config | head` closes the pipe early: no reason for a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await run(process.argv.slice(2))
