import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { runHere } from './here.ts'
import { run, temporaryDirectory } from './process.ts'

const MASTER_KEY = Buffer.alloc(32, 7).toString('base64url')

describe('keycourt', () => {
  test('help says what there is', async () => {
    const { code, output } = await run(['help'])
    expect(code).toBe(0)
    for (const name of ['start', 'config', 'migrate', 'keys rotate', 'doctor']) {
      expect(output).toMatch(new RegExp(`^  keycourt ${name}.* \\w+`, 'm'))
    }
  })

  test('a process that was asked wrongly ends with 2', async () => {
    expect(await run(['strat'])).toMatchObject({ code: 2, output: '' })
  })

  test.each([
    [[], 'Usage'],
    [['strat'], 'there is no command "strat"'],
    [['toString'], 'there is no command "toString"'],
    [['start', '--port', '3000'], '--port'],
    [['config', 'everything'], 'everything'],
    [['keys'], 'it is `keycourt keys rotate'],
    [['keys', 'rotate', '--mode', 'sandbox'], '--mode is "sandbox"; it wants one of live, test'],
  ])('%j is answered with the usage and 2', async (args, said) => {
    const { code, output, errors } = await runHere(args, { KC_DATA_DIR: await temporaryDirectory() })
    expect({ code, output }).toEqual({ code: 2, output: '' })
    expect(errors).toContain(said)
    expect(errors).toContain('Usage:')
    expect(errors).not.toMatch(/^ +at /m)
  })

  test('config masks secrets, and prints all else as it takes effect', async () => {
    const { code, output, errors } = await run(['config'], {
      KC_LIVE_URL: 'https://api.example.com',
      KC_MASTER_KEY: MASTER_KEY,
      DATABASE_URL: 'postgres://kc:hunter2@db.example.com/kc?sslpassword=hunter3',
      REDIS_URL: 'redis+cluster://:hunt%2Fer4@r1:6379,r2:6379',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://tracer:hunter5@otel.example.com/?token=hunter6',
    })
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(output).not.toMatch(/hunt/)
    expect(output).not.toContain(MASTER_KEY)
    expect(output.split('\n')).toEqual(
      expect.arrayContaining([
        'KC_LIVE_URL=https://api.example.com  # environment',
        'KC_SANDBOX_URL=http://localhost:3001  # default',
        'KC_MASTER_KEY=********  # environment',
        'DATABASE_URL=postgres://********@db.example.com/kc?********  # environment',
        'REDIS_URL=redis+cluster://********@r1:6379,r2:6379  # environment',
      ]),
    )
  })

  test('config masks a password with a slash in it, which no parser takes for one', async () => {
    const { output } = await run(['config'], {
      KC_MASTER_KEY: MASTER_KEY,
      DATABASE_URL: 'postgres://localhost/kc',
      REDIS_URL: 'redis://:hun/ter2@redis.example.com',
    })
    expect(output).toContain('redis.example.com')
    expect(output).not.toMatch(/hun|ter2/)
  })

  test('wrong settings are a sentence each, and 1, whatever the command', async () => {
    const environment = { KC_PORT: 'eighty', KC_WORKERS: '0', KC_MASTER_KEY: 'hunter2', KC_LIVE_URL: 'http://a.b' }
    const sentences = [
      'KC_LIVE_URL is "http://a.b"; it wants an https URL without a path (http for localhost only).',
      'KC_PORT is "eighty"; it wants a port number from 1 to 65535.',
      'KC_MASTER_KEY is not valid; it wants 32 bytes in base64url (43 characters), or several separated by commas.',
      'KC_WORKERS is "0"; it wants a whole number from 1 to 256.',
    ]
    for (const command of ['start', 'config', 'migrate']) {
      const { code, output, errors } = await runHere([command], environment)
      expect({ code, output }).toEqual({ code: 1, output: '' })
      expect(errors.trim().split('\n').sort()).toEqual([...sentences].sort())
    }
  })

  test('a URL with a password where none belongs is not echoed', async () => {
    const { code, errors } = await run(['start'], { KC_LIVE_URL: 'https://me:hunter2@api.example.com' })
    expect(code).toBe(1)
    expect(errors).toMatch(/^KC_LIVE_URL is /)
    expect(errors).not.toContain('hunter2')
  })

  test('DATABASE_URL wants KC_MASTER_KEY', async () => {
    const dataDir = join(await temporaryDirectory(), 'data')
    const { code, errors } = await runHere(['start'], { DATABASE_URL: 'postgres://localhost/kc', KC_DATA_DIR: dataDir })
    expect(code).toBe(1)
    expect(errors).toBe(
      'KC_MASTER_KEY is not set; with DATABASE_URL it wants 32 bytes in base64url (43 characters), or several separated by commas, the same on every node.\n',
    )
  })

  test('`config | head -1` has no stack trace', async () => {
    const main = join(import.meta.dirname, '../../server/command/main.ts')
    // The pipe is closed before the first line is written, and then after it.
    for (const reader of ['true', 'head -1']) {
      const { stderr } = await promisify(execFile)('sh', ['-c', `"$0" "$1" config | ${reader}`, process.execPath, main])
      expect(stderr).toBe('')
    }
  })
})
