import { expect, test } from 'vitest'
import { createLog } from '../../server/telemetry/log.ts'

const secret = 'x1Y2z3'.repeat(9).slice(0, 49)
const token = `kc_live_${secret}`

/** A log, and what was written to it. */
function capture(pretty = false) {
  const lines: string[] = []
  const log = createLog({ level: 'info', pretty, destination: { write: (line) => void lines.push(line) } })
  return { log, lines, last: () => JSON.parse(lines.at(-1) as string) }
}

test('an entry is one line of JSON with ISO time and the level by name', () => {
  const { log, lines, last } = capture()
  log.info({ mode: 'live' }, 'hello')
  expect(lines[0]).toMatch(/^\{.*\}\n$/)
  expect(last()).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    pid: process.pid,
    mode: 'live',
    msg: 'hello',
  })
})

test('what is below the level is not written', () => {
  const { log, lines } = capture()
  log.debug('quiet')
  expect(lines).toEqual([])
})

const failure = Object.assign(new Error(`refused ${token}`, { cause: new Error(`because of ${token}`) }), {
  code: 'E_REFUSED',
  config: { headers: { authorization: token } },
})

test.each<[string, (log: ReturnType<typeof capture>['log']) => void]>([
  ['the message', (log) => log.info(`got ${token}`)],
  ['an argument of the message', (log) => log.info('got %s and %o', token, { token })],
  ['the message after an object', (log) => log.info({}, 'got %s', token)],
  ['a message put together', (log) => log.info('got kc_live_%s', secret)],
  ['an error alone', (log) => log.error(failure)],
  ['an error under err', (log) => log.error({ err: failure })],
  ['an error under another name', (log) => log.error({ reason: failure }, 'failed')],
  ['an error as an argument', (log) => log.error('failed: %s', failure)],
  ['a path', (log) => log.info({ path: `/x?token=${token}` }, 'request')],
  ['deep inside', (log) => log.info({ a: [{ b: { c: token } }] })],
  ['a child', (log) => log.child({ path: token }).info('x')],
  [
    'a telling name',
    (log) => log.info({ password: secret.slice(0, 9), request: { headers: { authorization: secret.slice(0, 9) } } }),
  ],
  ['a telling name of a child', (log) => log.child({ clientSecret: secret.slice(0, 9) }).info('x')],
])('a secret does not get through in %s', (_, write) => {
  const { log, lines } = capture()
  write(log)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('…')
  expect(lines[0]).not.toContain(secret.slice(0, 9))
})

test('an error keeps its type, message, stack, code and causes, and nothing else', () => {
  const { log, last } = capture()
  log.error(failure)
  expect(last()).toMatchObject({
    msg: 'refused kc_live_…',
    err: {
      type: 'Error',
      message: 'refused kc_live_…',
      stack: expect.stringContaining('log.test.ts'),
      code: 'E_REFUSED',
      cause: { message: 'because of kc_live_…' },
    },
  })
  expect(last().err).not.toHaveProperty('config')
})

test('a message with a percent sign is written as it is', () => {
  const { log, last } = capture()
  log.info({ a: 1 }, '100 %s %d')
  expect(last().msg).toBe('100 %s %d')
})

test('pretty is one readable line, with the stack below an error', () => {
  const { log, lines } = capture(true)
  log.info({ port: 3000 }, 'listening')
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d info {2}listening port=3000\n$/)
  log.error({ err: failure }, 'failed')
  expect(lines[1]).toMatch(/failed\nError: refused kc_live_…\n\s+at /)
})
