import { beforeAll, expect, test } from 'vitest'
import { newAccessToken, newClientRef, newPublicId, newStandardKey } from '../../server/credentials/format.ts'
import type { Storage } from '../../server/storage/open.ts'
import { describeDeployment, type OpenStorage } from '../deployments.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'

/** Records the path of every function that is called on `target` or below it. */
function watched<T extends object>(target: T, calls: string[], path = ''): T {
  return new Proxy(target, {
    get(object, property) {
      const value = Reflect.get(object, property)
      const name = `${path}${String(property)}`
      if (typeof value === 'function') {
        return (...input: unknown[]) => {
          calls.push(name)
          return value.apply(object, input)
        }
      }
      return value instanceof Object ? watched(value, calls, `${name}.`) : value
    },
  })
}

describeDeployment('database', 'a malformed credential', (open) => {
  const calls: string[] = []
  let deployment: TestDeployment
  let live: Caller

  const openWatched: OpenStorage = async (needs) => {
    const opened = await open(needs)
    const [first, second] = opened.nodes
    const watch = (storage: Storage): Storage => ({
      ...storage,
      database: watched(storage.database, calls, 'database.'),
      state: watched(storage.state, calls, 'state.'),
    })
    return { ...opened, nodes: [watch(first), second] }
  }

  beforeAll(async () => {
    deployment = await startDeployment(openWatched)
    live = deployment.nodes[0].at('live')
    // It goes on answering; what it does by itself would be among the calls.
    await deployment.nodes[0].node.stop()
  })

  const during = async (request: () => PromiseLike<{ status: number }>) => {
    calls.length = 0
    const { status } = await request()
    return { status, calls: [...calls] }
  }

  test('the watch sees what a right one asks', async () => {
    const minted = await during(() => live.token(deployment.made.live))
    expect(minted.status).toBe(200)
    expect(minted.calls).toContain('state.live.putToken')
    const unknown = newStandardKey('live', newPublicId())
    const refused = await during(() => live.api('GET', '/v1/me', unknown))
    expect(refused.status).toBe(401)
    expect(refused.calls).toContain('database.client.findFirst')
  })

  const right = newStandardKey('live', 'abcdefghijkl')
  const wrong: [string, string][] = [
    ['nonsense', 'nonsense'],
    ['empty', ''],
    ['last character changed', right.slice(0, -1) + (right.endsWith('0') ? '1' : '0')],
    [
      'first character of the secret changed',
      right.replace(/_(.)([^_]*)$/, (_, a, b) => `_${a === '0' ? '1' : '0'}${b}`),
    ],
    ['shortened', right.slice(0, -1)],
    ['extended', `${right}0`],
    ['upper-case', right.toUpperCase()],
    ['look-alike', right.replace('tk', 'ｔｋ')],
    ['another prefix', right.replace('tk_', 'st_')],
    ['the other mode in its place', right.replace('_live_', '_test_')],
    ['a megabyte', 'x'.repeat(1_000_000)],
    ['SQL', "tk_live_abcdefghijkl_' OR 1=1 --"],
    ['NUL', `${right.slice(0, -1)}\u0000`],
  ]

  test.each(wrong)('%s: refused without asking any store [attack 6]', async (name, text) => {
    const at = text.lastIndexOf('_')
    const pair = { client_id: text.slice(0, Math.max(at, 0)) || 'x', client_secret: text.slice(at + 1) || 'x' }
    const requests: (() => PromiseLike<{ status: number }>)[] = [
      () => live.form('/oauth/token', { grant_type: 'client_credentials', ...pair }),
      () => live.form('/oauth/introspect', { token: right, ...pair }),
      () => live.form('/oauth/revoke', { token: right, ...pair }),
    ]
    // What no header can hold never arrives.
    if (/^[\x20-\x7e]*$/.test(text) && text.length < 10_000) {
      requests.push(
        () => live.form('/oauth/token', { grant_type: 'client_credentials' }, { authorization: basic(pair) }),
        () => live.get('/v1/me', { authorization: `Bearer ${text}` }),
        () => live.get('/v1/me', { 'x-api-key': text }),
      )
    }
    for (const request of requests) {
      const { status, calls } = await during(request)
      expect(calls).toEqual([])
      expect([401, ...(name === 'a megabyte' ? [413] : []), ...(name === 'NUL' ? [400] : [])]).toContain(status)
    }
  })

  test('as the token of an introspection or revocation it is not looked up', async () => {
    const key = deployment.made.live
    const usual = await during(() => live.introspect(key, newAccessToken('live', newClientRef())))
    expect(usual.calls).toContain('state.live.findToken')
    for (const [, token] of wrong) {
      if (!token) continue
      for (const request of [() => live.introspect(key, token), () => live.revoke(key, token)]) {
        const { status, calls } = await during(request)
        expect([status, calls]).toEqual([200, ['state.live.standings']])
      }
    }
  })

  test('a credential of the other mode is refused without asking any store', async () => {
    const { calls, status } = await during(() => live.api('GET', '/v1/me', deployment.made.test.api_key))
    expect([status, calls]).toEqual([403, []])
  })
})
