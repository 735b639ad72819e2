import { beforeAll, describe, expect, test } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { type Answer, basic, type Caller, callerAt, many } from '../command/caller.ts'
import { onCluster, onPostgres } from '../command/postgres.ts'
import { start } from '../command/process.ts'
import { ath, createProver, type Prover } from '../oauth/prover.ts'
import { JWT_BEARER, TOKEN_EXCHANGE, type } from '../oauth/workloads.ts'
import { freePorts } from '../services/server-process.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'

const LIVE = 'https://api.example.com'
const SANDBOX = 'https://sandbox.example.com'
const ENDPOINT = `${LIVE}/oauth/token`
const SUB = 'the job'

describe.each([
  ['PostgreSQL and Redis', onCluster],
  ['PostgreSQL alone', onPostgres],
])('what is good once, on two processes, on %s', (_, stores) => {
  let made: Bootstrap
  let nodes: [Caller, Caller]
  let issuer: TestIssuer
  let client_id: string
  let prover: Prover

  beforeAll(async () => {
    const ports = (await freePorts(2)) as [number, number]
    const common = { ...(await stores()), KC_LIVE_URL: LIVE, KC_SANDBOX_URL: SANDBOX, KC_OUTBOUND_ALLOW: '127.0.0.1' }
    const node = (port: number) => start({ ...common, KC_PORT: String(port), KC_HOST: '127.0.0.1' })
    const first = await node(ports[0]) // so that it is the one with the credentials
    await node(ports[1])
    made = await first.bootstrap()
    nodes = [callerAt(ports[0], LIVE), callerAt(ports[1], LIVE)]
    issuer = await createIssuer({ aud: LIVE })
    prover = await createProver(Date.now)
    client_id = await trusted()
  })

  /** The name of a service user as which the issuer's job may act, once per token. */
  async function trusted(): Promise<string> {
    const created = async (path: string, body: object) => {
      const { status, text, json } = await nodes[0].api('POST', path, made.live.api_key, body)
      expect(status, text).toBe(201)
      return json
    }
    const user = await created('/v1/service-users', { name: 'deployer', role: 'editor' })
    const wanted = { platform: 'oidc', name: 'CI', issuer: issuer.url, single_use: true }
    const provider = await created('/v1/workload-providers', wanted)
    const conditions = [{ claim: 'sub', op: 'equals', value: SUB }]
    await created(`/v1/workload-providers/${provider.id}/bindings`, { service_user_id: user.id, conditions })
    return user.client_id
  }

  /** `count` calls at the same moment, every other one to the other process. */
  const atOnce = (count: number, call: (node: Caller, at: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(Array.from({ length: count }, (_, at) => call(nodes[at % 2 ? 1 : 0], at)))
  const expectOneWon = (answers: readonly Answer[], error: string) => {
    const outcomes = answers.map(({ status, json }) => (status === 200 ? 'given' : `${status} ${json.error}`))
    const lost = answers.length - 1
    expect(outcomes.sort()).toEqual([...Array(lost).fill(error), 'given'])
  }
  const post = (node: Caller, form: Record<string, string>, headers = {}) =>
    node.send('POST', '/oauth/token', { form: { client_id, ...form }, headers })
  const exchange = (node: Caller, token: string) =>
    post(node, { grant_type: TOKEN_EXCHANGE, subject_token: token, subject_token_type: type('jwt') })

  test('a token of a platform, ten times at once: once [attack 51]', async () => {
    for (let round = 0; round < 10; round++) {
      const token = await issuer.sign({ sub: SUB, run: round, ...(round % 2 && { jti: undefined }) })
      expectOneWon(await atOnce(10, (node) => exchange(node, token)), '400 invalid_request')
      for (const node of nodes) expect((await exchange(node, token)).json.error).toBe('invalid_request')
    }
  })

  test('a token of a platform, by all three doors at once: once [attack 51]', async () => {
    const assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    const doors = [
      exchange,
      (node: Caller, assertion: string) => post(node, { grant_type: JWT_BEARER, assertion }),
      (node: Caller, client_assertion: string) =>
        post(node, {
          grant_type: 'client_credentials',
          ...{ client_assertion, client_assertion_type: assertion_type },
        }),
    ]
    for (let round = 0; round < 5; round++) {
      const token = await issuer.sign({ sub: SUB })
      const answers = await atOnce(12, (node, at) => (doors[at % 3] as typeof exchange)(node, token))
      const given = answers.filter(({ status }) => status === 200)
      expect([given.length, answers.filter(({ status }) => status >= 500)]).toEqual([1, []])
    }
  })

  test('a proof at the token endpoint, ten times at once: once [attack 62]', async () => {
    for (let round = 0; round < 10; round++) {
      const dpop = await prover.prove('POST', ENDPOINT)
      const form = { grant_type: 'client_credentials' }
      const mint = (node: Caller) => node.send('POST', '/oauth/token', { form, headers: { ...basic(made.live), dpop } })
      expectOneWon(await atOnce(10, mint), '400 invalid_dpop_proof')
      const again = await mint(nodes[round % 2 ? 0 : 1])
      expect([again.status, again.json.error]).toEqual([400, 'invalid_dpop_proof'])
    }
  })

  test('a proof at an API, ten times at once, also with a nonce: once [attack 62]', async () => {
    const form = { grant_type: 'client_credentials' }
    const headers = { ...basic(made.live), dpop: await prover.prove('POST', ENDPOINT) }
    const minted = await nodes[0].send('POST', '/oauth/token', { form, headers })
    const token = minted.json.access_token
    const nonce = minted.headers['dpop-nonce']
    for (let round = 0; round < 10; round++) {
      const claims = round % 2 ? { nonce, iat: 1 } : {}
      const dpop = await prover.prove('GET', `${LIVE}/v1/me`, { ath: ath(token), ...claims })
      const me = (node: Caller) => node.send('GET', '/v1/me', { headers: { authorization: `DPoP ${token}`, dpop } })
      const answers = await atOnce(10, me)
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(401)])
      for (const { status, headers } of answers) {
        if (status === 401) expect(headers['www-authenticate']).toContain('error="invalid_dpop_proof"')
      }
    }
  })

  test('an htu with the default port, in capitals, with a query: taken; with another port: not [attack 61]', async () => {
    const mint = async (htu: string) => {
      const headers = { ...basic(made.live), dpop: await prover.prove('POST', htu) }
      return nodes[0].send('POST', '/oauth/token', { form: { grant_type: 'client_credentials' }, headers })
    }
    const host = 'api.example.com'
    for (const same of [`https://${host}:443`, `HTTPS://${host.toUpperCase()}`, `https://${host.toUpperCase()}:443`]) {
      expect((await mint(`${same}/oauth/token?a=b#c`)).json.token_type).toBe('DPoP')
    }
    for (const other of [`https://${host}:8443`, `https://${host}:80`, `http://${host}`, `http://${host}:443`]) {
      expect((await mint(`${other}/oauth/token`)).json.error).toBe('invalid_dpop_proof')
    }
  })

  test('a hundred proofs, each of them to both processes: each once [attack 62]', async () => {
    const form = { grant_type: 'client_credentials' }
    const given = await many(100, async () => {
      const headers = { ...basic(made.live), dpop: await prover.prove('POST', ENDPOINT) }
      const both = await Promise.all(nodes.map((node) => node.send('POST', '/oauth/token', { form, headers })))
      return both.filter(({ status }) => status === 200).length
    })
    expect(given).toEqual(Array(100).fill(1))
  })
})
