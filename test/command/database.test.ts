import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { freePorts } from '../services/server-process.ts'
import { type Caller, callerAt } from './caller.ts'
import { MASTER_KEY, onPostgres } from './postgres.ts'
import { run, type Server, start } from './process.ts'

/** On one port, behind names of its own, as after a proxy. */
describe('on PostgreSQL, with KC_PORT and KC_METRICS_PORT', () => {
  const live = 'https://api.example.com'
  const sandbox = 'https://sandbox.example.com'
  let environment: Record<string, string>
  let port: number
  let server: Server
  let made: Bootstrap
  let callers: { live: Caller; test: Caller }
  let metrics: Caller

  beforeAll(async () => {
    const [one, other] = (await freePorts(2)) as [number, number]
    port = one
    const { DATABASE_URL } = await onPostgres()
    environment = {
      ...{ DATABASE_URL, KC_MASTER_KEY: MASTER_KEY, KC_LIVE_URL: live, KC_SANDBOX_URL: sandbox },
      ...{ KC_PORT: String(one), KC_METRICS_PORT: String(other), KC_HOST: '127.0.0.1' },
      KC_LOG_LEVEL: 'debug',
    }
    server = await start(environment)
    made = await server.bootstrap()
    callers = { live: callerAt(port, live), test: callerAt(port, sandbox) }
    metrics = callerAt(other)
  })

  test('the first start prints where the credentials are, and none of them', async () => {
    const file = join(server.dataDir, 'bootstrap.json')
    expect(server.output()).toContain(file)
    expect(server.output()).toContain(live)
    expect(server.output()).toContain(sandbox)
    for (const secret of [made.owner.password, made.live.client_secret, made.test.client_secret, MASTER_KEY]) {
      expect(server.output()).not.toContain(secret)
    }
    expect(server.output()).not.toMatch(/(tk|kc)_(live|test)_\w/)
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
    expect(made.live.url).toBe(live)
  })

  test('the mode is that of the Host', async () => {
    for (const [mode, issuer] of [['live', live] as const, ['test', sandbox] as const]) {
      const metadata = await callers[mode].send('GET', '/.well-known/oauth-authorization-server')
      expect(metadata.json.issuer).toBe(issuer)
      const { json } = await callers[mode].token(made[mode])
      expect(json.access_token).toMatch(new RegExp(`^kc_${mode}_`))
    }
    expect((await callers.test.token(made.live)).status).toBe(401)
  })

  test('an unknown Host is answered with 421, a probe with any Host', async () => {
    for (const host of ['http://other.example.com', `http://localhost:${port}`, `http://127.0.0.1:${port}`]) {
      const stranger = callerAt(port, host)
      for (const path of ['/oauth/token', '/v1/me', '/']) expect((await stranger.send('POST', path)).status).toBe(421)
      expect((await stranger.send('GET', '/livez')).status).toBe(200)
      expect((await stranger.send('GET', '/readyz')).status).toBe(200)
    }
  })

  test('KC_METRICS_PORT serves metrics and nothing else, and the public port serves none', async () => {
    const answer = await metrics.send('GET', '/metrics')
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toMatch(/^text\/plain/)
    expect(answer.text).toMatch(/^keycourt_tokens_minted_total\{mode="live",grant="client_credentials"\} 1$/m)
    expect(answer.text).toMatch(/^keycourt_http_requests_total\{mode="none",route="none",status="421"\} 9$/m)
    expect(answer.text).toMatch(/^process_cpu_seconds_total /m)
    expect((await metrics.send('GET', '/oauth/jwks')).status).toBe(404)
    expect((await callers.live.send('GET', '/metrics')).status).toBe(404)
  })

  test('no metric and no log line holds a credential, however it was sent', async () => {
    const { live: caller } = callers
    const token = await caller.mint(made.live)
    const secret = made.live.client_secret
    const query = new URLSearchParams({ token, client_secret: secret }).toString()
    await caller.introspect(made.live, token)
    await caller.introspect(made.live, made.live.api_key)
    await caller.token({ client_id: made.live.client_id, client_secret: `${secret}x` })
    await caller.token({ client_id: made.live.api_key, client_secret: secret })
    await caller.send('POST', '/oauth/token', { form: { ...made.live, grant_type: 'password', password: secret } })
    await caller.send('GET', `/oauth/token?${query}`)
    await caller.send('GET', `/v1/api-keys/${made.live.api_key}?${query}`)
    await caller.send('GET', `/${token}`, { headers: { 'x-request-id': made.live.api_key, 'user-agent': token } })
    await caller.api('POST', '/v1/api-keys', made.live.api_key, { kind: token, name: secret, [secret]: 1 })
    await caller.send('GET', '/v1/me', { headers: { 'x-api-key': made.live.api_key } })
    await callers.test.introspect(made.test, token)
    await caller.revoke(made.live, token)
    await server.printed(/"route":"\/oauth\/revoke"/)

    const said = server.output() + server.errors() + (await metrics.send('GET', '/metrics')).text
    const values = [token, made.live.api_key, secret, made.test.client_secret, made.owner.password, MASTER_KEY]
    for (const value of values) {
      for (const form of [value, Buffer.from(value).toString('base64').replace(/=+$/, ''), encodeURIComponent(value)]) {
        expect(said).not.toContain(form)
      }
    }
    expect(said).not.toContain(token.slice(8, -6))
    // But it is all there, by route and status.
    expect(said).toMatch(/"route":"\/oauth\/token","status":401/)
    expect(said).toMatch(/keycourt_token_requests_refused_total\{mode="live",error="unsupported_grant_type"\} 1/)
  })

  test('`keys rotate`: the running server publishes the new key within seconds', async () => {
    const kids = async () => {
      const { json } = await callers.live.send('GET', '/oauth/jwks')
      return json.keys.map(({ kid }: { kid: string }) => kid)
    }
    const before: string[] = await kids()
    const { code, output, errors } = await run(['keys', 'rotate', '--mode', 'live', '--alg', 'ES256'], environment)
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const [, kid] = /^live ES256: (\S+) signs from \S+\n$/.exec(output) ?? []
    expect(kid).toBeDefined()
    const [line] = await server.printed(/^.*"msg":"signing keys changed".*$/)
    expect(line).toContain(kid)
    expect((await kids()).sort()).toEqual([...before, kid].sort())
    expect(server.output().match(/"msg":"listening"/g)).toHaveLength(1)

    const again = await run(['keys', 'rotate', '--mode', 'live', '--alg', 'ES256'], environment)
    expect(again).toMatchObject({ code: 0, output: 'live ES256: a successor is waiting already\n' })
  })

  test('`migrate` has nothing to do; a later start prints the URLs only', async () => {
    expect(await run(['migrate'], environment)).toMatchObject({ code: 0, output: 'the database is up to date\n' })
    server.kill('SIGTERM')
    expect(await server.ended).toBe(0)
    const later = await start({ ...environment, KC_DATA_DIR: server.dataDir })
    expect(later.output()).toContain(live)
    expect(later.output()).not.toMatch(/bootstrap|password/)
    expect((await callers.live.token(made.live)).status).toBe(200)
    later.kill('SIGTERM')
    expect(await later.ended).toBe(0)
  })
})
