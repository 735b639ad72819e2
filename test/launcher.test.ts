import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'

const REPOSITORY = join(import.meta.dirname, '..')

/** A server as far as the launcher can see: says what it was given, then what happens to it. */
const SERVER = `
import { once } from 'node:events'
import { stopWhenParentDies } from './parent.ts'

const [, , command, ...rest] = process.argv
const say = (what: unknown) => process.stdout.write(JSON.stringify(what) + '\\n')
const open = setInterval(() => {}, 60_000)
const stop = (reason: string) => {
  say(reason)
  clearInterval(open)
}
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(signal, stop)
if (command === 'late' && process.connected) await once(process, 'disconnect')
stopWhenParentDies(() => stop('parent died'))
say({ pid: process.pid, rest, cwd: process.cwd() })
if (command === 'exit') process.exit(Number(rest[0]))
if (command === 'end') clearInterval(open)
`

/** An npm that notes what it is asked, and installs a node and a prisma that notes when it generates. */
const NPM = `
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
const [, , command] = process.argv
appendFileSync('asked', process.argv.slice(2).filter((word) => !word.startsWith('--')).join(' ') + '\\n')
if (process.env.BREAK === command) process.exit(9)
process.stdout.write('chatter of npm\\n')
if (command === 'ci') {
  mkdirSync('node_modules/prisma/build', { recursive: true })
  writeFileSync('node_modules/prisma/build/index.js', \`
    const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
    appendFileSync('asked', 'prisma ' + process.argv[2] + '\\\\n')
    mkdirSync('prisma/generated', { recursive: true })
    writeFileSync('prisma/generated/client.ts', '')
  \`)
  writeFileSync('node_modules/.package-lock.json', '{}')
} else {
  mkdirSync('node_modules/node/bin', { recursive: true })
  symlinkSync(process.execPath, 'node_modules/node/bin/node')
}
`

/** Long before anything a test writes, in seconds. */
const LONG_AGO = 1_000_000_000

let folder: string
let checkout: string
let elsewhere: string
let pids: number[]

beforeEach(async () => {
  pids = []
  folder = await realpath(await mkdtemp(join(tmpdir(), 'keycourt-launcher-')))
  checkout = join(folder, 'checkout')
  elsewhere = join(folder, 'elsewhere')
  await mkdir(elsewhere)
  await cp(join(REPOSITORY, 'bin'), join(checkout, 'bin'), { recursive: true })
  await put('server/command/parent.ts', await readFile(join(REPOSITORY, 'server/command/parent.ts'), 'utf8'))
  await put('server/command/main.ts', SERVER)
  await put('package.json', '{ "type": "module" }')
  await put('package-lock.json', '{}', LONG_AGO)
  await put('prisma/schema.prisma', '', LONG_AGO)
  await put('npm/npm-cli.js', NPM)
})

afterEach(async () => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {} // gone, as it should be
  }
  await rm(folder, { recursive: true })
})

async function put(path: string, content: string, modified?: number) {
  const file = join(checkout, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content)
  if (modified) await utimes(file, modified, modified)
}

async function installed() {
  await put('node_modules/.package-lock.json', '{}')
  await put('prisma/generated/client.ts', '')
  await mkdir(join(checkout, 'node_modules/node/bin'), { recursive: true })
  await symlink(process.execPath, join(checkout, 'node_modules/node/bin/node'))
}

interface Given {
  pid: number
  rest: string[]
  cwd: string
}

function keycourt(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(checkout, 'bin/keycourt.mjs'), ...args], {
    cwd: elsewhere,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, npm_execpath: join(checkout, 'npm/npm-cli.js'), ...environment },
  })
  if (child.pid) pids.push(child.pid)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  /** What the server says next; undefined once it and the launcher have closed the pipe. */
  const next = async () => {
    const { value, done } = await lines.next()
    return done ? undefined : JSON.parse(value)
  }
  return {
    child,
    next,
    exit: once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
    errors: text(child.stderr),
    async given(): Promise<Given> {
      const given: Given = await next()
      pids.push(given.pid)
      return given
    },
  }
}

function serverAlone(command: string, channel: 'ipc' | 'ignore') {
  const server = spawn(process.execPath, [join(checkout, 'server/command/main.ts'), command], {
    stdio: ['ignore', 'pipe', 'inherit', channel],
  })
  if (server.pid) pids.push(server.pid)
  return { server, said: text(server.stdout as NodeJS.ReadableStream) }
}

const asked = async () => (await readFile(join(checkout, 'asked'), 'utf8')).trim().split('\n')

test('arguments and the working directory are the caller’s', async () => {
  await installed()
  const { given, exit, errors } = keycourt(['end', '--flag', 'two words', '--', '-x', ''])
  expect(await given()).toMatchObject({ rest: ['--flag', 'two words', '--', '-x', ''], cwd: elsewhere })
  expect(await exit).toEqual([0, null])
  expect(await errors).toBe('')
})

test('the exit code is the server’s', async () => {
  await installed()
  expect(await keycourt(['exit', '7']).exit).toEqual([7, null])
})

test('a server ended by a signal ends the launcher by that signal', async () => {
  await installed()
  const { given, exit } = keycourt(['start'])
  process.kill((await given()).pid, 'SIGKILL')
  expect(await exit).toEqual([null, 'SIGKILL'])
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s reaches the server, which may finish', async (signal) => {
  await installed()
  const { child, given, next, exit } = keycourt(['start'])
  await given()
  child.kill(signal)
  expect(await next()).toBe(signal)
  expect(await exit).toEqual([0, null])
})

test('the server stops when the launcher is killed -9', async () => {
  await installed()
  const { child, given, next, exit } = keycourt(['start'])
  await given()
  child.kill('SIGKILL')
  expect(await exit).toEqual([null, 'SIGKILL'])
  expect(await next()).toBe('parent died')
  expect(await next()).toBeUndefined()
})

test('the server stops when the launcher was killed before it listened', async () => {
  const { server, said } = serverAlone('late', 'ipc')
  server.disconnect()
  expect(await said).toContain('"parent died"')
})

test('the channel alone keeps no server alive, and is not needed', async () => {
  for (const channel of ['ipc', 'ignore'] as const) {
    const { server, said } = serverAlone('end', channel)
    expect(await once(server, 'exit')).toEqual([0, null])
    expect(await said).not.toContain('parent died')
  }
})

test('a fresh checkout is installed first, and standard output stays the server’s', async () => {
  const { given, next, exit, errors } = keycourt(['end'])
  expect(await given()).toMatchObject({ cwd: elsewhere })
  expect(await next()).toBeUndefined()
  expect(await exit).toEqual([0, null])
  expect(await asked()).toEqual(['ci', 'rebuild node', 'prisma generate'])
  expect(await errors).toContain('keycourt: installing dependencies …')
})

test('a lockfile newer than what is installed is installed', async () => {
  await installed()
  await put('node_modules/.package-lock.json', '{}', LONG_AGO - 1)
  expect(await keycourt(['end']).exit).toEqual([0, null])
  expect(await asked()).toContain('ci')
})

test('a schema newer than the client is generated, and nothing installed', async () => {
  await keycourt(['end']).exit
  await rm(join(checkout, 'asked'))
  await put('prisma/generated/client.ts', '', LONG_AGO - 1)
  expect(await keycourt(['end']).exit).toEqual([0, null])
  expect(await asked()).toEqual(['prisma generate'])
})

test.each(['ci', 'rebuild'])('nothing starts when `npm %s` fails, and its exit code is kept', async (command) => {
  const { next, exit, errors } = keycourt(['start'], { BREAK: command })
  expect(await next()).toBeUndefined()
  expect(await exit).toEqual([9, null])
  expect(await errors).toMatch(/keycourt: ".*npm-cli\.js (ci|rebuild) .*" ended with 9/)
})
