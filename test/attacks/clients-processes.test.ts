import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Bootstrap } from '../../server/tenancy/bootstrap.ts'
import { type Answer, type Caller, callerAt } from '../command/caller.ts'
import { onCluster, onPostgres } from '../command/postgres.ts'
import { start } from '../command/process.ts'
import { freePorts } from '../services/server-process.ts'

const LIVE = 'https://api.example.com'
const SANDBOX = 'https://sandbox.example.com'

interface Place {
  readonly name: string
  environment(): Promise<Record<string, string>>
}

const PLACES: readonly Place[] = [
  { name: 'PostgreSQL and Redis', environment: onCluster },
  { name: 'PostgreSQL alone', environment: onPostgres },
]

describe.each(PLACES)('two processes on $name', ({ environment }) => {
  let nodes: readonly [Caller, Caller]
  let made: Bootstrap

  beforeAll(async () => {
    const ports = (await freePorts(2)) as [number, number]
    const common = { ...(await environment()), KC_LIVE_URL: LIVE, KC_SANDBOX_URL: SANDBOX, KC_HOST: '127.0.0.1' }
    const first = await start({ ...common, KC_PORT: String(ports[0]) }) // so that it is the one with the credentials
    await start({ ...common, KC_PORT: String(ports[1]) })
    made = await first.bootstrap()
    nodes = [callerAt(ports[0], LIVE), callerAt(ports[1], LIVE)]
  })

  /** At the same moment, every other one at the other process. */
  const atOnce = (count: number, call: (node: Caller, at: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(Array.from({ length: count }, (_, at) => call(nodes[at % 2 ? 1 : 0], at)))
  const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status).sort()

  test('of six API clients made at once five are active; of six woken at once for one place, one is [attack 11]', async () => {
    const { api_key } = made.live
    const body = (at: number) => ({ client_id: `No. ${at}`, client_secret: `S3cret-${at}!`, permission: 'read' })
    const created = await atOnce(6, (node, at) => node.api('POST', '/v1/api-clients', api_key, body(at)))
    expect(statuses(created)).toEqual(Array(6).fill(201))
    const records = created.map(({ json }) => json as { id: string; client_id: string; status: string })
    expect(records.map(({ status }) => status).sort()).toEqual([...Array(5).fill('active'), 'inactive'])

    const more = await atOnce(5, (node, at) => node.api('POST', '/v1/api-clients', api_key, body(10 + at)))
    const asleep = [...records, ...more.map(({ json }) => json)].filter(({ status }) => status === 'inactive')
    expect(asleep).toHaveLength(6)
    const [awake] = records.filter(({ status }) => status === 'active')
    await nodes[0].api('PATCH', `/v1/api-clients/${awake?.id}`, api_key, { status: 'inactive' })
    const woken = await atOnce(6, (node, at) =>
      node.api('PATCH', `/v1/api-clients/${asleep[at]?.id}`, api_key, { status: 'active' }),
    )
    expect(statuses(woken)).toEqual([200, ...Array(5).fill(409)])
    for (const node of nodes) {
      const { data } = (await node.api('GET', '/v1/api-clients?status=active', api_key)).json
      expect(data).toHaveLength(5)
    }
  })

  test('of one client assertion sent twenty times at once, one is taken; and never again [attack 17]', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] }
    const robot = { name: 'robot', role: 'viewer', jwks }
    const { client_id } = (await nodes[0].api('POST', '/v1/service-users', made.live.api_key, robot)).json
    for (let round = 0; round < 5; round++) {
      const seconds = Math.floor(Date.now() / 1000)
      const client_assertion = await new SignJWT({ jti: `round ${round}`, iat: seconds, exp: seconds + 60 })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer(client_id)
        .setSubject(client_id)
        .setAudience(LIVE)
        .sign(privateKey)
      const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
      const form = { grant_type: 'client_credentials', client_assertion, client_assertion_type }
      const use = (node: Caller) => node.send('POST', '/oauth/token', { form })
      const answers = [...(await atOnce(20, use)), ...(await atOnce(2, use))]
      const isRefusal = ({ status }: Answer) => status === 401 || status === 429
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      // Twenty failures from one network are nearly what a minute allows it.
      expect(answers.filter(isRefusal)).toHaveLength(21)
    }
  })
})
