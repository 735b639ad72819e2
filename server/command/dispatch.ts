import { parseArgs } from 'node:util'
import { SettingsError } from '../settings.ts'
import { scrub } from '../telemetry/scrub.ts'
import { type Command, type CommandCall, Misuse } from './command.ts'
import { TENANT_COMMANDS } from './tenants/rows.ts'

/** `keycourt <command>` */
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
  ...TENANT_COMMANDS,
  'audit verify': {
    usage: 'audit verify [--tenant NAME] [--mode live] [--expect SEQ:HASH] [--allow-unkeyed]',
    meaning: 'prove that no entry of the audit log was removed, inserted or altered',
    options: {
      tenant: { type: 'string' },
      mode: { type: 'string' },
      expect: { type: 'string' },
      'allow-unkeyed': { type: 'boolean' },
    },
    load: async () => (await import('./audit.ts')).verifyAudit,
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

/** Runs what `args` ask for. @returns the exit code: 0 done, 1 it failed, 2 it was asked wrongly. */
export async function dispatch(
  [name = '', ...rest]: readonly string[],
  environment: CommandCall['environment'],
): Promise<number> {
  if (name === '' || name === 'help' || name === '--help') {
    const output = name ? process.stdout : process.stderr
    output.write(usage())
    return name ? 0 : 2
  }
  try {
    const { command, args } = find(name, rest)
    const given = parse(command, args)
    const runCommand = await command.load()
    return await runCommand({ ...given, environment })
  } catch (error) {
    if (error instanceof Misuse) process.stderr.write(`keycourt: ${error.message}\n\n${usage()}`)
    else process.stderr.write(`${scrub(sentence(error))}\n`)
    return error instanceof Misuse ? 2 : 1
  }
}

/** One word names a command, or two. @throws {Misuse} */
function find(name: string, rest: string[]): { command: Command; args: string[] } {
  const [second, ...others] = rest
  for (const [called, args] of [[`${name} ${second}`, others] as const, [name, rest] as const]) {
    const command = Object.hasOwn(COMMANDS, called) ? COMMANDS[called] : undefined
    if (command) return { command, args }
  }
  const isFirst = Object.keys(COMMANDS).some((called) => called.startsWith(`${name} `))
  throw new Misuse(`there is no command "${isFirst && second !== undefined ? `${name} ${second}` : name}"`)
}

/** @throws {Misuse} */
function parse({ usage, options = {}, words = [], operands: names = [] }: Command, args: string[]) {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const [said, named] = [positionals.slice(0, words.length), positionals.slice(words.length)]
    if (said.join(' ') === words.join(' ') && named.length === names.length) {
      const operands = Object.fromEntries(names.map((name, at) => [name, named[at] as string]))
      return { options: values as Record<string, string | boolean | undefined>, operands }
    }
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
