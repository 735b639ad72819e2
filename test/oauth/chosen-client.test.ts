import * as client from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDeployment } from '../deployments.ts'
import { type ApiClient, addApiClient, tokenFor } from '../management/api-clients.ts'
import { basic, type Caller, startDeployment, type TestDeployment } from '../start.ts'

describeDeployment('cluster', 'an API client at the OAuth endpoints, seed: knox-manage-api-clients', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let key: string
  let robot: ApiClient

  beforeAll(async () => {
    deployment = await startDeployment(open, { clock: { now: Date.now, advance: () => {} } })
    live = deployment.nodes[0].at('live')
    key = deployment.made.live.api_key
    robot = await addApiClient(live, key, { client_id: "Knox's 1st: robot+100%", client_secret: 'P%41ss+w0rd:&=' })
  })

  describe('openid-client', () => {
    const discover = (authentication: client.ClientAuth) =>
      client.discovery(new URL(live.issuer), robot.client_id, undefined, authentication, {
        algorithm: 'oauth2',
        execute: [client.allowInsecureRequests],
      })

    test.each([
      ['Basic', client.ClientSecretBasic],
      ['the body', client.ClientSecretPost],
    ])('by %s: mints, introspects and revokes, whatever letters were chosen', async (_, by) => {
      const configuration = await discover(by(robot.client_secret))
      const minted = await client.clientCredentialsGrant(configuration, { scope: 'api-keys:read' })
      expect(minted).toMatchObject({ token_type: 'bearer', expires_in: 3600, scope: 'api-keys:read' })
      const seen = await client.tokenIntrospection(configuration, minted.access_token)
      expect(seen).toMatchObject({ active: true, client_id: robot.client_id, sub: robot.client_id })
      await client.tokenRevocation(configuration, minted.access_token)
      expect(await client.tokenIntrospection(configuration, minted.access_token)).toEqual({ active: false })
    })

    test('a wrong secret, as any client hears of it', async () => {
      const configuration = await discover(client.ClientSecretPost('Wr0ng-one!'))
      await expect(client.clientCredentialsGrant(configuration)).rejects.toMatchObject({
        ...{ error: 'invalid_client', status: 401 },
      })
    })

    test('RFC 9449: its token may be bound', async () => {
      const configuration = await discover(client.ClientSecretBasic(robot.client_secret))
      const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'))
      expect((await client.clientCredentialsGrant(configuration, {}, { DPoP })).token_type).toBe('dpop')
    })
  })

  test('RFC 6749 §5.2: unknown, wrong and inactive are told alike; by Basic with a challenge', async () => {
    const asleep = await addApiClient(live, key)
    await live.api('PATCH', `/v1/api-clients/${asleep.id}`, key, { status: 'inactive' })
    const pairs = [
      { client_id: 'Nobody at all', client_secret: asleep.client_secret },
      { client_id: asleep.client_id, client_secret: 'Wr0ng-one!' },
      asleep,
      { client_id: robot.client_id, client_secret: 'not even a secret' },
    ]
    const [first, ...others] = await Promise.all(pairs.map((pair) => tokenFor(live, pair)))
    expect([first?.status, first?.body.error]).toEqual([401, 'invalid_client'])
    for (const each of others) expect([each.status, each.body]).toEqual([401, first?.body])
    const challenged = await live.token({ client_id: 'Nobody', client_secret: 'S0me-thing' })
    expect(challenged.headers['www-authenticate']).toMatch(/^Basic /)
  })

  test('the other mode doesn’t know it [attack 7]', async () => {
    expect((await tokenFor(live, robot)).status).toBe(200)
    const elsewhere = await tokenFor(deployment.nodes[0].at('test'), robot)
    expect([elsewhere.status, elsewhere.body.error]).toEqual([401, 'invalid_client'])
    const same = await addApiClient(deployment.nodes[0].at('test'), deployment.made.test.api_key, {
      ...{ client_id: robot.client_id, client_secret: 'An0ther-one' },
    })
    expect((await tokenFor(deployment.nodes[1].at('test'), same)).status).toBe(200)
    expect((await tokenFor(live, same)).status).toBe(401)
  })

  test('without its secret it is nobody: by name alone, by an assertion, or as a code’s client', async () => {
    const form = { grant_type: 'client_credentials', client_id: robot.client_id }
    expect((await live.form('/oauth/token', form)).body.error).toBe('invalid_client')
    const exchange = { ...form, grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: 'x' }
    expect((await live.form('/oauth/token', exchange)).status).toBe(401)
    const authorize = new URLSearchParams({ client_id: robot.client_id, response_type: 'code' })
    expect((await live.get(`/oauth/authorize?${authorize}`)).status).toBe(400)
  })

  test('a reading one may not introspect, and may revoke what is its own', async () => {
    const reader = await addApiClient(live, key, { permission: 'read' })
    const { access_token } = (await tokenFor(live, reader)).body
    const pair = {
      client_id: encodeURIComponent(reader.client_id),
      client_secret: encodeURIComponent(reader.client_secret),
    }
    expect((await live.introspect(pair, access_token)).body).toEqual({ active: false })
    expect((await live.revoke(pair, access_token)).status).toBe(200)
    expect((await live.api('GET', '/v1/me', access_token)).status).toBe(401)
    const entries = (await live.api('GET', `/v1/api-clients/${reader.id}/activity`, key)).body.data
    // Token events may be chained before or after the change.
    const revoked = entries.find(({ action }: { action: string }) => action === 'access_token.revoked')
    expect(revoked.actor).toEqual({ type: 'api_client', id: reader.id, name: reader.client_id })
  })

  test('odd input is refused, and no 5xx', async () => {
    const ids = ['\u0000', 'a\u0000b', '%', 'é', ' ', 'x'.repeat(5000), '__proto__', 'client_aaaaaaaaaaaaaaaa', "'; --"]
    for (const client_id of ids) {
      for (const client_secret of ['Abcdef1!', '\u0000', 'x'.repeat(5000)]) {
        const { status } = await tokenFor(live, { client_id, client_secret })
        expect([client_id.slice(0, 20), status]).toEqual([client_id.slice(0, 20), 401])
      }
    }
    const plain = await live.form('/oauth/token', 'grant_type=client_credentials', {
      authorization: basic({ client_id: 'Someone', client_secret: '100%!pure' }),
    })
    expect([plain.status, plain.body.error]).toEqual([400, 'invalid_request'])
  })
})
