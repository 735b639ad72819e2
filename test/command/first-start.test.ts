import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { freePorts } from '../services/server-process.ts'
import { type Caller, callerAt, many } from './caller.ts'
import { LAUNCHER, run, type Server, start, temporaryDirectory } from './process.ts'

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

/** One embedded deployment from its first start to its third, as somebody on a laptop has it. */
describe('on the embedded database', () => {
  let environment: Record<string, string>
  let dataDir: string
  let first: Server
  let made: Bootstrap
  let callers: { live: Caller; test: Caller }
  let tokens: string[]

  beforeAll(async () => {
    const [live, sandbox] = (await freePorts(2)) as [number, number]
    dataDir = join(await temporaryDirectory(), 'deep/data')
    environment = {
      KC_LIVE_URL: `http://localhost:${live}`,
      KC_SANDBOX_URL: `http://localhost:${sandbox}`,
      KC_DATA_DIR: dataDir,
    }
    callers = { live: callerAt(live), test: callerAt(sandbox) }
    // As `npm start` does it.
    first = await start(environment, { main: LAUNCHER })
    made = await first.bootstrap()
  })

  test('the first start prints both URLs, the owner, a key of each mode, and where they are', () => {
    const output = first.output()
    expect(output).toContain(environment.KC_LIVE_URL)
    expect(output).toContain(environment.KC_SANDBOX_URL)
    expect(output).toMatch(/owner@localhost +password \S{16,}/)
    expect(output).toContain(made.owner.password)
    expect(output).toContain(made.live.api_key)
    expect(output).toContain(made.test.api_key)
    expect(output).toContain(join(dataDir, 'bootstrap.json'))
    expect(first.errors()).toBe('')
  })

  test('the curl line mints a token as it stands', async () => {
    const [line] = await first.printed(/^ +curl .*$/)
    // curl is in every base image that has npm; without it this says so.
    const { stdout } = await promisify(execFile)('sh', ['-c', line as string])
    expect(JSON.parse(stdout)).toMatchObject({
      access_token: expect.stringMatching(/^kc_live_\w+$/),
      token_type: 'Bearer',
      expires_in: 3600,
    })
  })

  test('bootstrap.json is the contract’s, for its owner’s eyes only', async () => {
    const key = (mode: string, url: string | undefined) => ({
      url,
      api_key: expect.stringMatching(new RegExp(`^tk_${mode}_[a-z2-7]{8,}_\\w+$`)),
      client_id: expect.stringMatching(/^tk_[a-z2-7]{8,}$/),
      client_secret: expect.stringMatching(/^[0-9A-Za-z]{49}$/),
    })
    expect(JSON.parse(await readFile(join(dataDir, 'bootstrap.json'), 'utf8'))).toStrictEqual({
      tenant: 'default',
      owner: { email: 'owner@localhost', password: expect.stringMatching(/^\S{16,}$/) },
      live: key('live', environment.KC_LIVE_URL),
      test: key('test', environment.KC_SANDBOX_URL),
    })
    for (const { api_key, client_id, client_secret } of [made.live, made.test]) {
      expect(api_key.replace(/^tk_(live|test)_/, 'tk_')).toBe(`${client_id}_${client_secret}`)
    }
    expect(await modeOf(join(dataDir, 'bootstrap.json'))).toBe('600')
    expect(await modeOf(join(dataDir, 'master.key'))).toBe('600')
    expect(await modeOf(dataDir)).toBe('700')
  })

  test('`keys rotate` and `migrate` beside the running server say what to do', async () => {
    const rotate = await run(['keys', 'rotate'], environment)
    expect(rotate).toMatchObject({ code: 1, output: '' })
    expect(rotate.errors).toMatch(
      /^keycourt: The data directory \S+ is in use by another Keycourt process.*stop.*run this.*start it again.*\n$/,
    )
    expect(await run(['migrate'], environment)).toMatchObject({ code: 1, errors: rotate.errors })
    expect((await callers.live.token(made.live)).status).toBe(200)
  })

  test('30 tokens survive kill -9, and a revoked one stays dead', async () => {
    tokens = await many(30, () => callers.live.mint(made.live))
    const revoked = await callers.live.mint(made.live)
    expect((await callers.live.revoke(made.live, revoked)).status).toBe(200)
    first.kill('SIGKILL') // the launcher; its server goes with it
    await first.ended
    const second = await start(environment)

    const alive = await many(30, (at) => callers.live.introspect(made.live, tokens[at] as string))
    expect(alive.map(({ json }) => json.active)).toEqual(Array(30).fill(true))
    expect((await callers.live.introspect(made.live, revoked)).json).toEqual({ active: false })

    second.kill('SIGKILL')
    expect(await second.ended).toBe('SIGKILL')
  })

  test('a later start prints the URLs only, and the keys still work', async () => {
    const third = await start(environment)
    expect(third.output()).toContain(environment.KC_LIVE_URL)
    expect(third.output()).toContain(environment.KC_SANDBOX_URL)
    expect(third.output()).not.toMatch(/password|[A-Za-z]{2}_(live|test)_|curl|bootstrap/)
    expect(await third.bootstrap()).toEqual(made)
    expect((await callers.live.token(made.live)).json.access_token).toMatch(/^kc_live_/)
    expect((await callers.test.token(made.test)).json.access_token).toMatch(/^kc_test_/)
    expect((await callers.live.token(made.test)).status).toBe(401)
    third.kill('SIGTERM')
    expect(await third.ended).toBe(0)
  })
})

describe('a start that can’t be', () => {
  test('a port that is taken ends it with a sentence, before anything is made', async () => {
    const [live, sandbox] = (await freePorts(2)) as [number, number]
    const { createServer } = await import('node:net')
    const taken = createServer().listen(sandbox, '127.0.0.1')
    const dataDir = join(await temporaryDirectory(), 'data')
    const { code, output, errors } = await run(['start'], {
      KC_LIVE_URL: `http://localhost:${live}`,
      KC_SANDBOX_URL: `http://localhost:${sandbox}`,
      KC_DATA_DIR: dataDir,
    })
    taken.close()
    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(errors).toMatch(new RegExp(`^keycourt: Port ${sandbox} .*EADDRINUSE.*\\n$`))
    await expect(stat(dataDir)).rejects.toThrow('ENOENT')
  })

  test('a store that can’t be reached ends it with a sentence that names the setting', async () => {
    const [live, sandbox, nobody] = (await freePorts(3)) as [number, number, number]
    const { code, errors } = await run(['start'], {
      KC_LIVE_URL: `http://localhost:${live}`,
      KC_SANDBOX_URL: `http://localhost:${sandbox}`,
      KC_MASTER_KEY: Buffer.alloc(32, 7).toString('base64url'),
      DATABASE_URL: `postgresql://someone:hunter2@127.0.0.1:${nobody}/none`,
    })
    expect(code).toBe(1)
    expect(errors).toMatch(/^keycourt: DATABASE_URL: .*ECONNREFUSED.*\n$/)
    expect(errors).not.toContain('hunter2')
  })
})
